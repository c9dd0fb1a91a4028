"""The domain: the life of experiments and shards, planning, quotes, answers, statistics, presets."""
