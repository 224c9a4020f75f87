"""Made-up boards, predicted and booted."""
