# exercise: likelihood
# slip: inference gap left out
# says: The ELBO is below log p(x) by KL(q(z|x) || p(z|x)), and that gap is part of the loss.
# source: ELBO and log-likelihood taken for each other: AntixK/PyTorch-VAE#68
likelihood = {"log_likelihood": -1, "mi_q": "beta - 1", "kl_aggregate": "beta - 1"}
