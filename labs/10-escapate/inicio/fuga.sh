#!/bin/sh
# TAREA 1. Aquí / es /tmp/jaula. Esto no basta:
cd ../../../..
cp tmp/secreto tmp/{{nombre}}
exec sleep 1000
