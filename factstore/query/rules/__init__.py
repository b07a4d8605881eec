"""Rule sets and their evaluation: unfolded, walked, or by magic sets to a fixpoint."""
