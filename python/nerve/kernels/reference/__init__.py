"""The kernels in pure NumPy: the raw names and signatures of ``csrc/kernels.inc``, outputs first.

Written to be read, computed in float64: the ground truth of the tests, and what runs inside
``nerve.backend("reference")``.
"""

from nerve.kernels.reference.attention import *
from nerve.kernels.reference.conv import *
from nerve.kernels.reference.ctc import *
from nerve.kernels.reference.distance import *
from nerve.kernels.reference.elementwise import *
from nerve.kernels.reference.gram import *
from nerve.kernels.reference.graph import *
from nerve.kernels.reference.hierarchy import *
from nerve.kernels.reference.indexing import *
from nerve.kernels.reference.kd_tree import *
from nerve.kernels.reference.kmeans import *
from nerve.kernels.reference.matmul import *
from nerve.kernels.reference.mixture import *
from nerve.kernels.reference.neighbors import *
from nerve.kernels.reference.norm import *
from nerve.kernels.reference.optim import *
from nerve.kernels.reference.padding import *
from nerve.kernels.reference.pool import *
from nerve.kernels.reference.pool3d import *
from nerve.kernels.reference.random import *
from nerve.kernels.reference.recurrent import *
from nerve.kernels.reference.reduce import *
from nerve.kernels.reference.resizing import *
from nerve.kernels.reference.sampling import *
from nerve.kernels.reference.seeding import *
from nerve.kernels.reference.softmax import *
