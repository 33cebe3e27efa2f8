#!lua flags=allow-oom
-- Removes a hook, and what is known of its attempts.
-- KEYS  the owner's hooks, their latest attempts, their health
-- ARGV  hook id
-- Reply 1 removed, 0 there was none
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
