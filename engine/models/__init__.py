"""Base models: which are here (`catalogue`) and which can be had (`offered`, `download`), their tokens (`tokens`), how
they load (`loading`), answer (`generation`, in JSON of a given shape by `structured` and `grammar`) and place texts
near each other (`embeddings`). Importing these modules loads no torch; calling most of them does."""
