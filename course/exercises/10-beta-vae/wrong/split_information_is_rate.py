# exercise: split
# slip: the whole KL called information
# says: Your information is the mean KL to the prior: it still holds KL(q(z) || p(z)). Compare q(z|x) with q(z).
# source: the rate taken for MI: the point of Hoffman and Johnson (2016)
import torch


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * (torch.xlogy(posterior, posterior) - torch.xlogy(posterior, prior))).sum()
    return information, (torch.xlogy(aggregate, aggregate) - torch.xlogy(aggregate, prior)).sum()
