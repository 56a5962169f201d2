"""The rails, one module each: a function `judge(policy, context, text) -> Verdict`."""
