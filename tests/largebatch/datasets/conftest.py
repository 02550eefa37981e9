from tests.datasets_on_disk import fashion_mnist, fashion_mnist_folder

__all__ = ["fashion_mnist", "fashion_mnist_folder"]
