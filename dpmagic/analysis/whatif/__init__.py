"""What a change of policies would come to: which ones, what Azure would say, what their disks would hold."""
