"""files -> read -> Run: which constructor calls make layers, and what such a layer does to a value."""

from __future__ import annotations

import ast
import re

from wganlint.read.source.classes import WRAPPERS, callee
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.project import Project

_LEARNS = re.compile(
    r"^(SN|Lazy|Equalized|Equal|Masked|Spectral|Modulated|Weight|EqualLR)*"
    r"(Linear|Conv(Transpose|2DTranspose|1DTranspose|3DTranspose)?(1d|2d|3d|1D|2D|3D)?|Bilinear|Embedding(Bag)?|"
    r"Dense|FullyConnectedLayer|"
    r"DepthwiseConv2D|SeparableConv2D|GRU(Cell)?|LSTM(Cell)?|RNN(Cell)?|MultiheadAttention|MultiHeadAttention|"
    r"Transformer\w*|[A-Z]\w+Conv)(Layer)?$"
)
_NORMS = re.compile(
    r"(Batch|Layer|Instance|Group|RMS|Pixel|Pixelwise|Switchable|Conditional\w*)_?Norm(alization)?(\d?[dD])?$"
    r"|^(Sync|BN|ccbn|bn|PixelNorm|Norm2d|LocalResponseNorm|AdaIN|SpectralNorm\w*|WeightNorm\w*)"
)
WRAPS = frozenset({"spectral_norm", "weight_norm", "SpectralNorm", "SpectralNormalization", "WeightNormalization",
                   "WeightNorm", "sn", "parametrizations.spectral_norm", "add_sn", "snorm"})  # fmt: skip
CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict", "Parameter", "ParameterList", "Identity",
                        "ParameterDict"})  # fmt: skip
BOUNDING = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Hardtanh": "hardtanh", "ReLU6": "relu6", "Softmax": "softmax",
            "Hardsigmoid": "hardsigmoid"}  # fmt: skip
_PLAIN = re.compile(
    r"^(LeakyReLU|P?ReLU|ReLU6?|ELU|SELU|CELU|GELU|SiLU|Swish|Mish|GLU|Softplus|Softmax|LogSoftmax|Tanh|Sigmoid|"
    r"Hardtanh|Hardsigmoid|Dropout\w*|AlphaDropout|\w*Pool(ing)?\d?[dD]?|Flatten|Unflatten|Upsample\w*|UpSampling2D|"
    r"PixelShuffle|ZeroPad\w*|ZeroPadding2D|ReflectionPad\w*|ReplicationPad\w*|Reshape|Activation|Threshold)$"
)
_LAYER_ROOTS = frozenset({"nn", "layers", "tfkl", "tfl", "snn"})
_FUNCTIONAL = frozenset({"linear", "bilinear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
                         "conv_transpose3d", "conv2d_transpose", "dense"})  # fmt: skip
_QUIET = re.compile(r"act|relu|sigmoid|tanh|softmax|drop|pool|upsamp|flatten|activation|nonlin|resample|identity", re.I)


def type_of(call: ast.Call, project: Project) -> str:
    """Return the layer type that a call makes, or an empty string: `Linear`, `spectral_norm(Conv2d)`, `CountHead`."""
    name = _standing(call, project)
    if name in CONTAINERS or not name:
        return ""
    if name in WRAPS and call.args:
        inner = call.args[0]
        made = type_of(inner, project) if isinstance(inner, ast.Call) else ""
        return f"{name}({made})" if made else ""
    if _LEARNS.match(name) or _NORMS.search(name) or _PLAIN.match(name):
        return name if name[0].isupper() or _NORMS.search(name) else ""
    root = dotted(call.func).split(".")
    if len(root) > 1 and root[-2] in _LAYER_ROOTS and name[0].isupper() and not name.endswith("Loss"):
        return name
    made_class = [node for node in project.definitions(call.func) if isinstance(node, ast.ClassDef)]
    return name if made_class and project.classes[made_class[0]].is_network else ""


def _standing(call: ast.Call, project: Project) -> str:
    """Return the layer's name behind `self.which_conv(...)` or `norm_layer(...)`; a normalizing one first."""
    name = callee(call)
    if not name or name[0].isupper() or name in WRAPS or isinstance(call.func, ast.Call):
        return name
    found: list[str] = []
    for binding in project.holds(call.func):
        value: ast.AST | None = binding.value
        if isinstance(value, ast.arg):
            value = project.default(value)
        if isinstance(value, ast.Call) and callee(value) == "partial" and value.args:
            value = value.args[0]
        if isinstance(value, ast.Attribute | ast.Name) and callee(value)[:1].isupper():
            found.append(callee(value))
    found.sort(key=lambda one: not normalizes(one))
    return found[0] if found else name


def normalizes(kind: str) -> bool:
    """Return whether a layer type normalizes: LayerNorm, BatchNorm2d, spectral_norm(Conv2d), SNLinear."""
    head = kind.split("(")[0]
    return bool(_NORMS.search(head)) or head in WRAPS or head.startswith(("SN", "Spectral"))


def learns(kind: str) -> bool:
    """Return whether a layer type has a weight matrix."""
    inner = kind.split("(", 1)[1].rstrip(")") if "(" in kind else kind
    return bool(_LEARNS.match(inner))


def constructors(node: ast.AST, project: Project, depth: int = 6) -> list[ast.Call]:
    """Return the constructor calls behind a module expression: `self.net`, `self.blocks[i]`, `layer` in a loop."""
    found: list[ast.Call] = []
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call() as made)) if callee(node) in WRAPPERS:
            return constructors(made, project, depth - 1) if depth else []
        case ast.Call():
            return [node]
        case ast.Subscript(value=value):
            return constructors(value, project, depth - 1) if depth else []
        case ast.IfExp(body=body, orelse=orelse):
            return constructors(body, project, depth - 1) + constructors(orelse, project, depth - 1) if depth else []
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return [call for part in parts for call in constructors(part, project, depth - 1)] if depth else []
        case ast.Name() | ast.Attribute() if depth:
            for binding in project.holds(node):
                if binding.how in ("is", "each"):
                    found += constructors(binding.value, project, depth - 1)
    return found


def holds_learned(call: ast.Call, project: Project, depth: int = 4) -> bool:
    """Return whether a constructor makes something with weights: a layer, a Sequential of them, a network."""
    name = callee(call)
    if learns(type_of(call, project)):
        return True
    for node in project.definitions(call.func):
        if isinstance(node, ast.ClassDef) and project.classes[node].is_network:
            return True
        if isinstance(node, FUNCTIONS) and depth:
            return any(
                holds_learned(inner, project, depth - 1)
                for inner in ast.walk(node)
                if isinstance(inner, ast.Call) and inner is not call
            )
    if name in CONTAINERS | WRAPS:
        inner_calls = [inner for inner in ast.walk(call) if isinstance(inner, ast.Call) and inner is not call]
        if any(isinstance(arg, ast.Starred) for arg in call.args):
            return True
        return not call.args or any(holds_learned(inner, project, depth - 1) for inner in inner_calls if depth)
    return False


def kind_of_call(call: ast.Call, project: Project) -> str:
    """Return what calling a module does: "learned", "norm", "plain", or an empty string for any other call."""
    func = call.func
    name = callee(call)
    if name in _FUNCTIONAL and isinstance(func, ast.Attribute):
        return "learned"
    if isinstance(func, ast.Name | ast.Attribute) and project.definitions(func, 4) and _is_function(func, project):
        return ""
    made = constructors(func, project) if not isinstance(func, ast.Call) else [func]
    for constructor in made:
        if holds_learned(constructor, project):
            return "learned"
    for constructor in made:
        kind = type_of(constructor, project)
        if kind:
            return "norm" if normalizes(kind) else "plain"
    if not made and isinstance(func, ast.Attribute) and dotted(func.value) == "self":
        info = project.owner_class(call)
        if info is not None and info.is_network and info.method(func.attr) is None:
            return "plain" if _QUIET.search(func.attr) else "learned"
    return ""


def _is_function(func: ast.expr, project: Project) -> bool:
    return any(isinstance(node, FUNCTIONS) for node in project.definitions(func, 4))


def first_norm(constructor: ast.Call, project: Project) -> ast.Call | None:
    """Return the first normalizing layer in a Sequential, in reading order."""
    for node in _in_order(constructor):
        if isinstance(node, ast.Call) and normalizes(type_of(node, project)):
            kind = type_of(node, project)
            if "(" not in kind and not kind.startswith(("SN", "Spectral")):
                return node
    return None


def _in_order(node: ast.AST) -> list[ast.AST]:
    found = [node]
    for child in ast.iter_child_nodes(node):
        found += _in_order(child)
    return found
