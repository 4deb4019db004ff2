"""The checks of `10-beta-vae`: what is asked, for how many points, with which hints and probes."""

import math

from dgm_autograder.exercise import Exercise, Question, Test

from . import probes as p

# What a student may import of dgm_tutor while being graded: nothing that answers a question of this sheet.
PROVIDES = ["dgm_tutor.checks"]

QUESTIONS = [Question("interpret", "What beta does, and does not", points=4, minutes=15)]

EXERCISES = [
    Exercise(
        name="price",
        title="What beta adds to the VAE's loss",
        answer="price",
        points=2,
        difficulty=2,
        minutes=10,
        hints=(
            "Only one term of the loss has beta in it. How much of it is there at beta, and how much at 1?",
            "The mean KL to the prior splits at the aggregate posterior: "
            "log q(z|x)/p(z) = log q(z|x)/q(z) + log q(z)/p(z).",
            "The first half is MI_q, the second KL(q(z) || p(z)), and each is weighed by the same difference of betas.",
        ),
        tests=(
            Test(p.line_value, p.price_inputs, "Try beta = 1: your line should be 0. Then take the difference apart."),
        ),
    ),
    Exercise(
        name="likelihood",
        title="The loss as penalised maximum likelihood",
        answer="likelihood",
        points=3,
        difficulty=3,
        minutes=15,
        hints=(
            "At beta = 1 the loss is minus the ELBO. What is between the ELBO and the log-likelihood?",
            "log p(x) = ELBO(x) + KL(q(z|x) || p(z|x)); solve for minus the ELBO and take means.",
            "Add to that the line of the question before: what beta costs beyond 1.",
        ),
        tests=(
            Test(p.line_value, p.likelihood_inputs, "Check it at beta = 1 first: it should be minus the ELBO there."),
        ),
    ),
    Exercise(
        name="loss",
        title="The beta-VAE loss",
        answer="beta_vae_loss",
        points=4,
        difficulty=2,
        minutes=15,
        hints=(
            "Name the two terms first: what does the decoder say about x, and how far is q(z|x) from the prior?",
            "`decoder(z)` and `posterior` are distributions: `.log_prob(x)` sums over pixels for you, and "
            "`torch.distributions.kl_divergence` knows two Gaussians. Which of `sample` and `rsample` lets a "
            "gradient by?",
            "Draw z = posterior.rsample(); the loss of one x is -decoder(z).log_prob(x) + beta * KL(posterior, prior); "
            "average over the batch, never over pixels or latent dimensions.",
        ),
        tests=(
            Test(
                p.loss_and_gradients,
                p.loss_inputs,
                "Print both terms by themselves: each is one number per example, and a cost, small where all is well.",
                draws=32,
            ),
        ),
    ),
    Exercise(
        name="split",
        title="Information and divergence on a finite world",
        answer="rate_split",
        points=3,
        difficulty=2,
        minutes=15,
        hints=(
            "You need q(z) first: the mean of the posterior's rows under p_data.",
            "MI_q is the mean, under p_data(x) q(z|x), of log q(z|x) - log q(z); the KL is that of q(z) to the prior.",
            "`torch.xlogy(a, b)` is a log b and 0 where a is 0: sum p_data[:, None] * (xlogy(q, q) - xlogy(q, q(z))).",
        ),
        tests=(
            Test(
                p.split_values, p.split_inputs, "The two should add up to the mean KL of q(z|x) to the prior.", share=2
            ),
            Test(
                p.split_with_zeros, p.split_inputs, "Look at a posterior that is certain: 0 log 0 counts as 0.", share=1
            ),
        ),
    ),
    Exercise(
        name="bound",
        title="The importance weighted bound",
        answer="importance_bound",
        points=4,
        difficulty=3,
        minutes=20,
        hints=(
            "Which three log densities make the log of one weight? Their signs follow from p(x|z) p(z) / q(z|x).",
            "`posterior.rsample((samples,))` has a leading axis of draws; every log_prob keeps it.",
            "The log of a mean of exponentials is `log_weight.logsumexp(0) - log(samples)`.",
        ),
        tests=(
            Test(
                p.bound_draws,
                p.bound_inputs,
                "Check samples = 1 first: it is the ELBO with one draw.",
                share=3,
                draws=32,
            ),
            Test(
                p.bound_draws, p.far_bound_inputs, "Images lie hundreds of nats away: stay in logs.", share=1, draws=16
            ),
        ),
    ),
    Exercise(
        name="repair",
        title="Repair a published loss",
        answer="fixed_loss",
        points=3,
        difficulty=2,
        minutes=15,
        hints=(
            "Take both terms by themselves. Over what does each sum, and over what does it average?",
            "At log_var = log 4 the standard deviation is 2. What does the published KL take it for?",
            "Sum the cross entropy over pixels, then average over examples; the variance is log_var.exp(), and "
            "its logarithm is log_var, not twice that.",
        ),
        tests=(Test(p.repaired_values, p.repair_inputs, "Compare each term with torch.distributions on one example."),),
    ),
    Exercise(
        name="experiment",
        title="A trained beta-VAE",
        answer="weights_file",
        points=5,
        difficulty=3,
        minutes=25,
        hints=(
            "Your loss of question 3 is the one to train; draw a fresh batch at every step.",
            "Adam with a step of 0.03 that decays to 0 settles within 1,500 steps of 512 examples.",
            "mean = x @ W.T, std = exp(s), z = mean + std * noise, log p(x|z) = Normal(z @ V.T, 1).log_prob(x).sum(1).",
        ),
        tests=(
            Test(
                p.weights_handed_in,
                p.experiment_inputs,
                "The loss of these weights is far from the best.",
                measure=p.exact_loss,
                slack={"excess_loss": 0.5, "log_of_the_beta_it_fits": math.log(1.6)},
            ),
            Test(
                p.weights_handed_in,
                p.experiment_inputs,
                "Close, but not within 0.05 nats of the best: let the step size decay to 0.",
                measure=p.exact_loss,
                slack={"excess_loss": 0.05, "log_of_the_beta_it_fits": math.log(1.6)},
            ),
        ),
    ),
]
