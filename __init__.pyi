# The public names for editors and type checkers. A test compares them with those of __init__.py.
from .benchmark.api import Leak as Leak
from .benchmark.api import Result as Result
from .benchmark.api import leak as leak
from .benchmark.api import plot as plot
from .benchmark.api import rank as rank
from .benchmark.api import run as run
from .benchmark.errors import Inapplicable as Inapplicable
from .benchmark.errors import UsageError as UsageError
from .benchmark.interfaces import Access as Access
from .benchmark.interfaces import Attack as Attack
from .benchmark.interfaces import Channel as Channel
from .benchmark.interfaces import Component as Component
from .benchmark.interfaces import Dataset as Dataset
from .benchmark.interfaces import Defense as Defense
from .benchmark.interfaces import Exchange as Exchange
from .benchmark.interfaces import ImageSet as ImageSet
from .benchmark.interfaces import Model as Model
from .benchmark.interfaces import Observation as Observation
from .benchmark.interfaces import Pools as Pools
from .benchmark.interfaces import Promise as Promise
from .benchmark.interfaces import Reconstruction as Reconstruction
from .benchmark.interfaces import SplitModel as SplitModel
from .benchmark.interfaces import Target as Target
from .benchmark.interfaces import Wire as Wire
from .benchmark.interfaces import drop_low_bits as drop_low_bits
from .benchmark.metrics import psnr as psnr
from .benchmark.metrics import ssim as ssim
from .benchmark.training import train_jointly as train_jointly
from .benchmark.training import tune_server as tune_server

__version__: str
