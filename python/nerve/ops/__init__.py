"""Differentiable operations on tensors.

The functions of :mod:`nerve.kernels` under the same names, and those made of them. Arrays and numbers are accepted in
place of tensors and are constants.
"""

import sys

from nerve.ops.activations import *
from nerve.ops.arithmetic import *
from nerve.ops.attention import *
from nerve.ops.bitwise import *
from nerve.ops.control import *
from nerve.ops.conv import *
from nerve.ops.creation import *
from nerve.ops.ctc import *
from nerve.ops.cumulative import *
from nerve.ops.custom import *
from nerve.ops.diagonals import *
from nerve.ops.einsum import *
from nerve.ops.elementwise import *
from nerve.ops.fourier import *
from nerve.ops.graph import *
from nerve.ops.indexing import *
from nerve.ops.linalg import *
from nerve.ops.logic import *
from nerve.ops.losses import *
from nerve.ops.matmul import *
from nerve.ops.missing import *
from nerve.ops.norm import *
from nerve.ops.normalization import *
from nerve.ops.numbers import *
from nerve.ops.padding import *
from nerve.ops.pairwise import *
from nerve.ops.pool import *
from nerve.ops.pool3d import *
from nerve.ops.products import *
from nerve.ops.random import *
from nerve.ops.rearranging import *
from nerve.ops.recurrent import *
from nerve.ops.reduce import *
from nerve.ops.resizing import *
from nerve.ops.sampling import *
from nerve.ops.scattering import *
from nerve.ops.shaping import *
from nerve.ops.softmax import *
from nerve.ops.sorting import *
from nerve.ops.special import *
from nerve.ops.spectra import *
from nerve.ops.statistics import *
from nerve.ops.tapers import *
from nerve.ops.trigonometry import *
from nerve.ops.unfolding import *
from nerve.ops.vectorizing import *
from nerve.ops.windows import *

from nerve.ops import image, linalg  # isort: skip
from nerve.ops.linalg import norm  # isort: skip  # not the modules of these names
from nerve.ops.windows import conv  # isort: skip

nn = numpy = sys.modules[__name__]  # Keras has the functions here and in two modules besides: `ops.nn.relu`
