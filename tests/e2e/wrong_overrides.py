"""Overrides that are wrong, and what the message must have in it: the key, and what to write instead."""

from __future__ import annotations

UNKNOWN_KEYS: list[tuple[str, list[str]]] = [
    ("algorithm.lrr=1e-3", ["unknown key algorithm.lrr", "write: algorithm.lr=0.001"]),
    ("+algorithm.lrr=1e-3", ["unknown key algorithm.lrr", "write: algorithm.lr=0.001"]),
    ("++algorithm.lrr=1e-3", ["unknown key algorithm.lrr", "write: algorithm.lr=0.001"]),
    ("algoritm.lr=1e-3", ["unknown key algoritm.lr", "write: algorithm.lr=0.001"]),
    ("+algorithm.foo=1", ["unknown key algorithm.foo", "rlexp list algorithm"]),
    ("algorithm.no.such.key=1", ["unknown key algorithm.no.such.key"]),
    ("sed=1", ["unknown key sed", "write: seed=1"]),
    ("+foo.bar.baz=1", ["unknown key foo.bar.baz", "rlexp help all"]),
    ("model.fcnet_hidden=[32,32]", ["model.fcnet_hidden", "write: 'model.fcnet_hiddens=[32, 32]'"]),
    ("env.idd=x", ["unknown key env.idd", "write: env.id=x"]),
    ("hardware.num_env_runer=1", ["hardware.num_env_runer", "write: hardware.num_env_runners=1"]),
    ("evaluation.evaluation_intervall=3", ["write: evaluation.evaluation_interval=3"]),
    ("data.inputs=a", ["unknown key data.inputs", "write: data.input_=a"]),
    ("stop.env_step=5", ["unknown key stop.env_step", "write: stop.env_steps=5"]),
    ("stop.plateau={metric:train/return_mean,patience:3,foo:1}", ["unknown key stop.plateau.foo"]),
    ("checkpoint.evry=5", ["unknown key checkpoint.evry", "write: checkpoint.every=5"]),
    ("reporting.foo=1", ["unknown key reporting.foo", "rlexp help all"]),
    ("tuned.foo=1", ["tuned.foo", "tuned has no keys of its own", "rlexp list tuned"]),
    ("hydra.run.dir=/tmp/x", ["hydra.run.dir has no effect", "write: runs_dir=<folder>"]),
    ("hydra.searchpath=[x]", ["hydra.searchpath has no effect", "write: --config-dir <folder>"]),
    ("hydra/launcher=basic", ["hydra/launcher has no effect"]),
    ("~nope", ["there is no nope"]),
]


OLD_NAMES: list[tuple[str, list[str]]] = [
    ("num_workers=3", ["write: hardware.num_env_runners=3"]),
    ("algorithm.num_sgd_iter=3", ["write: algorithm.num_epochs=3"]),
    ("algorithm.sgd_minibatch_size=64", ["write: algorithm.minibatch_size=64"]),
    ("algorithm.train_batch_size=64", ["write: algorithm.train_batch_size_per_learner=64"]),
    ("learning_rate=1e-4", ["write: algorithm.lr=0.0001"]),
    ("algorithm.clip_range=0.2", ["write: algorithm.clip_param=0.2"]),
    ("total_timesteps=1000", ["write: stop.env_steps=1000"]),
    ("algorithm.model={fcnet_hiddens:[8]}", ["algorithm.model", "old API stack", "keys of the model group"]),
    (
        "algorithm.exploration_config={type:EpsilonGreedy}",
        ["exploration_config", "exploration=epsilon_greedy"],
    ),
    ("algorithm.lr_schedule=[[0,1]]", ["algorithm.lr_schedule", "write: algorithm.lr="]),
    ("algorithm.n_step=3", ["algorithm.n_step: DQN, SAC, TQC have it, PPO has not", "algorithm=dqn"]),
]


CHOICES: list[tuple[str, list[str]]] = [
    ("algoritm=ppo", ["there is no group algoritm", "write: algorithm=ppo"]),
    ("algo=dqn", ["there is no group algo", "write: algorithm=dqn"]),
    ("env=cartpol", ["env=cartpol: there is no such choice", "write: env=cartpole"]),
    ("algorithm=pppo", ["did you mean: algorithm=ppo", "write: algorithm=ppo"]),
    ("+algorithm=nonsense", ["there are: appo, bc", "rlexp list algorithm"]),
    ("callbacks=[progress,vidoe]", ["callbacks=vidoe", "write: callbacks=video"]),
    ("tuned=ppo-cartpol", ["tuned=ppo-cartpol", "write: tuned=ppo-cartpole"]),
    ("debug=tinny", ["write: debug=tiny"]),
    ("algorithm=[ppo,dqn]", ["algorithm takes one choice", "write: algorithm=ppo"]),
    ("algorithm=null", ["a run needs a choice of algorithm", "rlexp list algorithm"]),
    ("~callbacks", ["a run needs a choice of callbacks", "write: callbacks=none"]),
    ("algorithm@other=ppo", ["write: algorithm=<choice>"]),
]


SYNTAX: list[tuple[str, list[str]]] = [
    ("model.fcnet_hiddens=[1", ["a bracket [] is not closed", "write: 'model.fcnet_hiddens=[1]'"]),
    ("env.config={a:1", ["a bracket {} is not closed", "write: 'env.config={a:1}'"]),
    ('name="a', ["a quotation mark is not closed", "'name=\"a\"'"]),
    ("name=b=c", ["quotation marks", "'name=\"b=c\"'"]),
    ("=3", ["there is no key before the ="]),
    ("{a}=1", ["'{a}' is no key"]),
    ("stop.metric.train/return_mean=450", ["write: 'stop.metric={train/return_mean: 450}'"]),
    ("algorithm.lr=${nope}", ["algorithm.lr", "nope"]),
    ("seed=1,2", ["several values need -m", "write: rlexp -m seed=1,2"]),
    ("env=cartpole,acrobot", ["several values need -m", "write: rlexp -m env=cartpole,acrobot"]),
    ("callbacks=progress,video", ["several values need -m", "write: 'callbacks=[progress,video]'"]),
    ("env=glob(*)", ["several values need -m", "rlexp -m 'env=glob(*)'"]),
    ("algorithm.lr=interval(1e-5,1e-3)", ["one run needs one value"]),
]


VALUES: list[tuple[str, list[str]]] = [
    ("seed=abc", ["seed must be an integer, not 'abc'", "write: seed=0"]),
    ("seed=-1", ["seed must be at least 0", "write: seed=0"]),
    ("seed=4294967296", ["below 4,294,967,296"]),
    ("algorithm.lr=fast", ["algorithm.lr must be a number", "write: algorithm.lr=0.0003"]),
    ("algorithm.lr=nan", ["algorithm.lr must be a finite number", "not nan"]),
    ("algorithm.lr=inf", ["algorithm.lr must be a finite number", "not inf"]),
    (
        "algorithm.gamma=1.5",
        ["algorithm.gamma must be at least 0 and at most 1", "write: algorithm.gamma=0.99"],
    ),
    ("algorithm.num_epochs=2.5", ["algorithm.num_epochs must be an integer"]),
    ("algorithm.lr=[[10,1e-3],[20,1e-4]]", ["a schedule [[env_step, value], ...] from step 0"]),
    ("algorithm.minibatch_size=99999", ["more than algorithm.train_batch_size_per_learner"]),
    ("model.fcnet_hiddens=64", ["model.fcnet_hiddens must be a list", "'model.fcnet_hiddens=[64, 64]'"]),
    ("model.fcnet_hiddens=[0]", ["at least 1, not 0", "'model.fcnet_hiddens=[64, 64]'"]),
    ("model.fcnet_activation=reul", ["write: model.fcnet_activation=relu"]),
    ("stop=null", ["stop must be a mapping of keys, not null", "write: stop.env_steps=100000"]),
    ("stop.env_steps=-5", ["stop.env_steps must be at least 1", "write: stop.env_steps=100000"]),
    ("stop.metric={train/return_mean:high}", ["'high' is neither a number nor a bound"]),
    ("stop.metric={train/return_mean:nan}", ["nan is no bound"]),
    ("reporting=default", ["reporting must be a mapping of keys"]),
    ("env.wrappers=3", ["env.wrappers must be a list", "_target_: gymnasium.wrappers.TimeLimit"]),
    ("log_level=LOUD", ["must be one of DEBUG", "write: log_level=WARNING"]),
    ("env=gym", ["env.id must be given", "write: env.id=CartPole-v1"]),
    ("model=custom", ["model.module_class must be given"]),
    ("metrics.foo=1", ["metrics.foo must be a mapping", "{info: success, reduce: last}"]),
]


TOGETHER: list[tuple[str, list[str]]] = [
    ("stop.env_steps=null stop.metric={} tuned=none", ["nothing would ever end this run", "stop.env_steps="]),
    ("stop.metric={train/return_mena:5}", ["nothing in this run logs", "did you mean: train/return_mean"]),
    ("checkpoint.best_by=eval/retrun_mean", ["checkpoint.best_by", "did you mean: eval/return_mean"]),
    ("stop.plateau={metric:eval/retrun_mean,patience:3}", ["stop.plateau.metric", "eval/return_mean"]),
    (
        "evaluation=none checkpoint.best_by=eval/return_mean tuned=none",
        ["evaluation is off", "train/return_mean"],
    ),
    ("hardware.num_env_runners=1000", ["asks for 1001 CPUs", "write: hardware.num_env_runners="]),
    ("hardware.num_gpus_per_learner=64", ["asks for 64 GPUs", "write: hardware.num_gpus_per_learner="]),
    ("algorithm=bc", ["learns from recorded data", "write: data=recorded data.input_="]),
    ("data.input_=somewhere", ["data.input_ would be ignored"]),
    ("hardware.env_vars={WANDB_API_KEY:abc}", ["would be written to the run folder", "export WANDB_API_KEY"]),
    ("algorithm=dqn algorithm.num_epochs=3", ["algorithm.num_epochs: one pass is made"]),
    ("model.module_config={a:1}", ["no effect without model.module_class"]),
]


NAMED: list[tuple[str, list[str]]] = [
    ("env.id=CartPole-v9", ["knows no environment 'CartPole-v9'", "CartPole-v1"]),
    ("env.id=ALE/Pong-v5", ["write: env=atari env.config.id=ALE/Pong-v5"]),
    (
        "env.id=envs.multiroom.MultRoom",
        ["env.id: envs.multiroom has no MultRoom", "envs.multiroom.MultiRoom"],
    ),
    ("env.requires={nosuchmodule:box2d}", ["needs the extra `box2d`", "write: pip install 'rlexp[box2d]'"]),
    (
        "callbacks.progress.every=1",
        ["Progress takes no argument every", "write: callbacks.progress.every_s="],
    ),
    (
        "callbacks.progres.every_s=1",
        ["no choice of callbacks in use is called progres", "callbacks.progress"],
    ),
    ("callbacks.video.every=1", ["callbacks.video", "callbacks=["]),
    ("tracking.wandb.projct=x", ["WandbTracker takes no argument projct", "tracking.wandb.project"]),
    ("exploration.foo=1", ["exploration.foo: Default takes no argument foo"]),
    ("callbacks.mine._target_=callbacks.nope.Foo", ["there is no module callbacks.nope"]),
    (
        "callbacks.mine._target_=callbacks.progress.Progres",
        ["write: callbacks.mine._target_=callbacks.progress.Progress"],
    ),
    ("callbacks.mine._target_=mylab.Foo", ["there is no module mylab"]),
    ("callbacks.mine._target_=os.system", ["os can load or run anything"]),
    ("metrics.foo={_target_:mylab.foo}", ["metrics.foo", "there is no module mylab"]),
    ("env.wrappers=[{max_steps:3}]", ["env.wrappers[0] has no _target_"]),
    ("model.module_class=envs.nope.Net", ["model.module_class", "there is no module envs.nope"]),
    ("algorithm.config_class=PPO", ["algorithm.config_class=ray.rllib.algorithms.ppo.PPOConfig"]),
    ("checkpoint.from=/no/such/run", ["checkpoint.from", "/no/such/run"]),
]


EARLY = UNKNOWN_KEYS + OLD_NAMES + CHOICES + SYNTAX + VALUES + TOGETHER + NAMED
