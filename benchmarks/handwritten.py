"""PPO on CartPole as a person writes it with RLlib alone; prints one JSON line per iteration."""

import argparse
import json
import time


def main() -> None:
    """Trains for a number of iterations and prints env steps and the time after each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--env-runners", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    import torch
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    torch.set_num_threads(args.threads)
    config = (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_env_runners=args.env_runners, num_envs_per_env_runner=16)
        .training(
            lr=3e-4,
            gamma=0.99,
            lambda_=0.95,
            num_epochs=10,
            minibatch_size=250,
            train_batch_size_per_learner=4000,
            clip_param=0.2,
            vf_clip_param=10000.0,
            vf_loss_coeff=0.5,
            entropy_coeff=0.0,
            use_kl_loss=False,
            grad_clip=0.5,
        )
        .rl_module(
            model_config=DefaultModelConfig(
                fcnet_hiddens=[256, 256], fcnet_activation="tanh", vf_share_layers=False
            )
        )
        .debugging(seed=0)
    )
    algorithm = config.build_algo()
    for _ in range(args.iterations):
        result = algorithm.train()
        steps = result["num_env_steps_sampled_lifetime"]
        print(json.dumps({"env_steps": steps, "timestamp": time.time()}), flush=True)
    algorithm.stop()


if __name__ == "__main__":
    main()
