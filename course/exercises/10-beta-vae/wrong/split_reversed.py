# exercise: split
# slip: KL the other way round
# says: Your divergence is KL(p(z) || q(z)). The mean is taken under q(z).
# source: directions mixed: AntixK/PyTorch-VAE#11
import torch


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, aggregate))).sum()
    return information, (torch.xlogy(prior, prior) - torch.xlogy(prior, aggregate)).sum()
