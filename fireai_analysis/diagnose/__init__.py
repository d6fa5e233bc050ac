"""From figures to findings: what the slow tail, the saturated resources and the broken promises are associated with."""
