"""The recipes at their papers' sizes: the same code as the defaults, which train in about a minute, for a GPU.

Only what a recipe has a setting for. Where the paper's network is another kind (convolutions, residual blocks, LSTMs),
or its sizes are not certain, the source says "in the manner of"; the data decide x_dim.
"""

FULL: dict[str, tuple[dict, str]] = {
    "aae": ({"z_dim": 8, "hidden": (1000, 1000)}, "Makhzani et al. 2016, MNIST"),
    "beta_tc_vae": ({"z_dim": 10, "hidden": (1200, 1200)}, "in the manner of Chen et al. 2018, dSprites"),
    "beta_vae": ({"z_dim": 10, "hidden": (1200, 1200)}, "in the manner of Higgins et al. 2017, dSprites"),
    "flow": (
        {"transform": "maf", "layers": 5, "hidden": (512, 512)},
        "in the manner of Papamakarios et al. 2017, MAF (5)",
    ),
    "flow_gan": (
        {"x_dim": 784, "transform": "multi_scale", "hidden": (64, 64), "critic_hidden": (512, 512)},
        "in the manner of Grover et al. 2018, Real NVP",
    ),
    "flow_posterior_vae": (
        {"posterior": "iaf", "layers": 8, "flow_hidden": (1920,), "z_dim": 32, "hidden": (500, 500)},
        "in the manner of Kingma et al. 2016, MNIST (their encoder is a ResNet)",
    ),
    "flow_prior_vae": (
        {"prior": "maf", "layers": 4, "flow_hidden": (640,), "z_dim": 64, "hidden": (500, 500)},
        "in the manner of Chen et al. 2017, VLAE (their decoder is autoregressive)",
    ),
    "gan": ({"z_dim": 100, "hidden": (1200, 1200)}, "in the manner of Goodfellow et al. 2014, MNIST"),
    "info_gan": (
        {"noise": 62, "channels": 64},
        "Chen et al. 2016, MNIST (their trunk is moved by the bound as well)",
    ),
    "info_vae": ({"z_dim": 10, "hidden": (1024, 1024)}, "in the manner of Zhao et al. 2017 (their nets convolve)"),
    "labelled_aae": ({"z_dim": 10, "hidden": (1000, 1000)}, "Makhzani et al. 2016, semi-supervised MNIST"),
    "lag_vae": ({"z_dim": 10, "hidden": (1024, 1024)}, "in the manner of Zhao et al. 2018, MNIST (theirs convolve)"),
    "mvae": ({"z_dim": 64, "hidden": (512, 512)}, "in the manner of Wu and Goodman 2018, MNIST"),
    "pixel_vae": (
        {"z_dim": 64, "layers": 5, "channels": 32, "warm_up": 10_000},
        "in the manner of Gulrajani et al. 2017, MNIST",
    ),
    "pixelcnn": ({"layers": 15, "channels": 128}, "in the manner of van den Oord et al. 2016, PixelCNN of CIFAR-10"),
    "rnn": ({"hidden": 2000}, "in the manner of Chung et al. 2015, TIMIT (theirs are LSTMs)"),
    "vae": ({"z_dim": 20, "hidden": (500,)}, "Kingma and Welling 2014, MNIST"),
    "vae_gan": (
        {"hidden": (1000, 1000), "critic_hidden": (1000, 1000)},
        "in the manner of Makhzani et al. 2016, MNIST (the objective is the lecture's)",
    ),
    "vrnn": ({"z_dim": 200, "hidden": 2000}, "in the manner of Chung et al. 2015, TIMIT (theirs are LSTMs)"),
}


def full_settings(name: str) -> dict:
    """The paper's sizes for a recipe; ValueError where none are known."""
    if name not in FULL:
        raise ValueError(f"no full configuration of {name!r}: there are {', '.join(FULL)}; give its settings yourself")
    return dict(FULL[name][0])
