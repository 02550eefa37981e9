"""Workers that do not start. Ray imports this file where it starts one: neither jax nor a test may come along."""

from sweeps.worker import Worker


class Stillborn:
    """Never starts."""

    def __init__(self, training, *, gpus, devices, command):
        raise RuntimeError("no such luck")

    def ready(self):
        return 0


class Fussy(Worker):
    """Fails two starts of three, and counts them in the folder that follows the training function."""

    def __init__(self, training, *, gpus, devices, command):
        training, _, folder = training.partition("|")
        with open(f"{folder}/starts", "a+") as starts:
            starts.write("x")
            count = starts.tell()
        if count % 3:
            raise RuntimeError("not yet")
        super().__init__(training, gpus=gpus)
