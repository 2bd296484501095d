from socket import *  # noqa: F403  umqtt.simple calls it so
