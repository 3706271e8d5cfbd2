"""A fast array backend: functions on plain NumPy arrays, each one call of a compiled kernel.

Float32 and float64 are computed as they are; a call that mixes them computes in float64. Other real dtypes become
float32. Results do not depend on the number of threads.
"""

from nerve._threadpoolctl import register as _register
from nerve._typing import Array as Array
from nerve.kernels._backend import backend as backend
from nerve.kernels.adam import *
from nerve.kernels.attention import *
from nerve.kernels.conv import *
from nerve.kernels.ctc import *
from nerve.kernels.distance import *
from nerve.kernels.elementwise import *
from nerve.kernels.gram import *
from nerve.kernels.graph import *
from nerve.kernels.group_norm import *
from nerve.kernels.gru import *
from nerve.kernels.hierarchy import *
from nerve.kernels.indexing import *
from nerve.kernels.kd_tree import *
from nerve.kernels.kmeans import *
from nerve.kernels.lstm import *
from nerve.kernels.matmul import *
from nerve.kernels.mixture import *
from nerve.kernels.neighbors import *
from nerve.kernels.norm import *
from nerve.kernels.optim import *
from nerve.kernels.padding import *
from nerve.kernels.pool import *
from nerve.kernels.pool3d import *
from nerve.kernels.random import *
from nerve.kernels.recurrent import *
from nerve.kernels.reduce import *
from nerve.kernels.resizing import *
from nerve.kernels.rms_norm import *
from nerve.kernels.sampling import *
from nerve.kernels.seeding import *
from nerve.kernels.softmax import *
from nerve.kernels.taking import *
from nerve.kernels.volumes import *

_register()
