"""Many runs: from axes and seeds to records, with Ray or in this process. Nothing here imports jax."""


class SweepError(Exception):
    """A sweep cannot start or go on; the message says why and what to do. Nothing already computed is touched."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C was pressed once: what is in hand is finished or saved. Pressed again, it is a `KeyboardInterrupt`."""
