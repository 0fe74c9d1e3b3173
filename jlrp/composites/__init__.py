"""Which layer gets which rule: composites, the predicates of their entries, and the presets."""
