"""What stands between the network and the application: see docs/how-to/deploy-behind-a-proxy.md."""
