"""What `import bootmap` offers beyond reading: predictions and the questions that can be asked of them."""
