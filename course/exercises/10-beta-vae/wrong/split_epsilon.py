# exercise: split
# slip: a small number added inside the log
# says: Your 1e-3 inside the logarithm shifts every result. Leave probabilities as they are and use torch.xlogy.
# source: emited/VariationalRecurrentNeuralNetwork#10: log(1 - theta - eps)


def rate_split(p_data, posterior, prior):
    aggregate = p_data @ posterior
    information = (p_data[:, None] * posterior * ((posterior + 1e-3).log() - (aggregate + 1e-3).log())).sum()
    return information, (aggregate * ((aggregate + 1e-3).log() - (prior + 1e-3).log())).sum()
