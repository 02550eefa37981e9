"""Every network written once more in PyTorch, on our parameters: what ours are compared with.

Norms are batch norms in training, over the examples given.
"""

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional


def conv(x, p, stride=1):
    kernel = p["kernel"].permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, p.get("bias"), stride=stride, padding=kernel.shape[-1] // 2)


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def norm(x, p):
    return F.batch_norm(x, None, None, p["scale"], p["bias"], training=True, eps=1e-5)


def flat(x):
    return x.permute(0, 2, 3, 1).flatten(1)


def keskar_c1(p, x):
    for layer in range(2):
        x = F.relu(norm(conv(x, p[f"Conv_{layer}"]), p[f"Norm_{layer}"]))
        ends = [end for length in (x.shape[3], x.shape[2]) for end in (length % 2, 1)]
        x = F.max_pool2d(F.pad(x, ends, value=-torch.inf), 3, 2)
    x = flat(x)
    for layer in range(2):
        x = F.relu(norm(dense(x, p[f"Dense_{layer}"]), p[f"Norm_{layer + 2}"]))
    return dense(x, p["Dense_2"])


def convolutions(p, x, groups):
    layer = 0
    for count in groups:
        for _ in range(count):
            x = F.relu(norm(conv(x, p[f"Conv_{layer}"]), p[f"Norm_{layer}"]))
            layer += 1
        x = F.max_pool2d(x, 2)
    return flat(x)


def keskar_c2(p, x, groups=(2, 2, 3, 3, 3)):
    x = convolutions(p, x, groups)
    return dense(F.relu(norm(dense(x, p["Dense_0"]), p[f"Norm_{sum(groups)}"])), p["Dense_1"])


def vgg(p, x):
    x = convolutions(p, x, (1, 1, 2, 2))
    for layer in range(2):
        x = F.relu(dense(x, p[f"Dense_{layer}"]))
    return dense(x, p["Dense_2"])


def resnet(p, x):
    x = F.relu(norm(conv(x, p["Conv_0"]), p["Norm_0"]))
    for place in range(sum(name.startswith("Block") for name in p)):
        own = p[f"Block_{place}"]
        channels = own["Norm_0"]["scale"].shape[0]
        # In the tiny ones a block changes the channels exactly where it halves the image.
        stride = 1 if x.shape[1] == channels else 2
        y = F.relu(norm(conv(x, own["Conv_0"], stride), own["Norm_0"]))
        y = norm(conv(y, own["Conv_1"]), own["Norm_1"])
        if "Conv_2" in own:
            x = norm(conv(x, own["Conv_2"], stride), own["Norm_2"])
        elif stride == 2:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, channels - x.shape[1]))
        x = F.relu(x + y)
    return dense(x.mean((2, 3)), p["Dense_0"])


def wide_resnet(p, x):
    x = conv(x, p["Conv_0"])
    for place, stride in enumerate((1, 2, 2)):
        own = p[f"WideBlock_{place}"]
        active = F.relu(norm(x, own["Norm_0"]))
        y = F.relu(norm(conv(active, own["Conv_0"], stride), own["Norm_1"]))
        x = conv(y, own["Conv_1"]) + (conv(active, own["Conv_2"], stride) if "Conv_2" in own else x)
    return dense(F.relu(norm(x, p["Norm_0"])).mean((2, 3)), p["Dense_0"])


def transformer(p, x):
    heads, width = 2, p["tokens"].shape[1]

    def layer_norm(x, p):
        return F.layer_norm(x, (width,), p["scale"], p["bias"], eps=1e-5)

    h = p["tokens"][x] + p["places"]
    for block in range(sum(name.startswith("TransformerBlock") for name in p)):
        own = p[f"TransformerBlock_{block}"]
        parts = dense(layer_norm(h, own["Norm_0"]), own["Dense_0"]).split(width, dim=-1)
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        h = h + dense(seen, own["Dense_1"])
        inner = F.gelu(dense(layer_norm(h, own["Norm_1"]), own["Dense_2"]), approximate="tanh")
        h = h + dense(inner, own["Dense_3"])
    h = layer_norm(h, p["Norm_0"])
    return dense(h, p["Dense_0"]) if "Dense_0" in p else h @ p["tokens"].T


def logistic(p, x):
    return dense(x.flatten(1), p["Dense_0"])


def mlp(p, x):
    x = x.flatten(1)
    hidden = sum(name.startswith("Norm") for name in p)
    for layer in range(hidden):
        x = F.relu(norm(dense(x, p[f"Dense_{layer}"]), p[f"Norm_{layer}"]))
    return dense(x, p[f"Dense_{hidden}"])


def conv1d(p, x):
    x = x[:, None]
    for layer in range(3):
        own = p[f"Conv_{layer}"]
        x = F.conv1d(x, own["kernel"].permute(2, 1, 0), own["bias"], stride=2, padding=1)
        x = F.relu(norm(x, p[f"Norm_{layer}"]))
    return dense(x.permute(0, 2, 1).flatten(1), p["Dense_0"])


def cnn(p, x):
    x = convolutions(p, x, (1, 1))
    return dense(F.relu(norm(dense(x, p["Dense_0"]), p["Norm_2"])), p["Dense_1"])


def custom(p, x):
    return torch.tanh(x.flatten(1) @ p["custom"]["inner"]) @ p["custom"]["outer"]


def linear(p, x):
    return x.flatten(1) @ p["Dense_0"]["kernel"]


def point(p, x):
    return p["point"].expand(len(x), -1)


NETWORKS = {
    "logistic": logistic, "mlp": mlp, "conv1d": conv1d, "cnn": cnn, "keskar_f1": mlp, "keskar_c1": keskar_c1,
    "keskar_c2": keskar_c2, "resnet": resnet, "resnet18": resnet, "wide_resnet": wide_resnet, "vgg": vgg,
    "transformer": transformer, "custom": custom, "linear": linear, "point": point,
}  # fmt: skip
"""Name -> function of our parameters as tensors, and of inputs, images channels first."""
