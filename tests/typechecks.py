"""The checker that jaxtyping's import hook puts around every function of `largebatch` under pytest."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
