"""How near attention modules come to the speed of memory."""
