#!/bin/bash
python ppo.py --gym-id Hopper-v2 --seed $seed --track
python dqn.py --gym-id Pong-v4 --seed $seed --track
