"""What the workflows run: render, plan, apply, destroy, build, register, deploy, status, secret."""
