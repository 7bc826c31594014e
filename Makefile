# micropod: lo que se hace con el proyecto. `make` a secas dice qué hay.
#
# Cada objetivo instala lo que le falta (tools/prepara) y usa sudo solo cuando no eres root.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO := tools/cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help demo test test-puro test-root vm-test averias resiste fuzz rompe blindaje deny vm book book-serve labs pasos bench binario release reproduce install uninstall deb clean

help: ## Esta ayuda
	@echo 'Uso: make OBJETIVO'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-10s %s\n", $$1, $$2 }'
	@echo
	@echo 'Empieza por: make demo'

demo: ## Levanta nginx y PHP-FPM en un Pod y enseña la página que sirven
	@tools/prepara rust demo
	@$(CARGO) build --release
	@tools/demo $(TARGET)/release/micropod

test: ## Todas las pruebas: estilo, sin root, como root y en una micro-VM
	@tools/prueba

test-puro: ## Solo las que no necesitan root
	@tools/prueba pura

test-root: ## Solo las que crean Pods en esta máquina
	@tools/prueba root

vm-test: ## Solo las de la micro-VM con cgroup v2; TODO=1, todas las de crear Pods (hora y media)
	@tools/prueba vm

averias: ## Un error o un kill -9 en cada llamada al sistema (miles: tarda); CUANTAS=n de cada clase
	@tools/prueba-larga averias $(CUANTAS)

fuzz: ## Basura en cada entrada de fuera, CUANTAS=n variantes de cada una; con cargo-fuzz, mira fuzz/Cargo.toml
	@tools/prueba-larga fuzz $(CUANTAS)

resiste: ## Mil muertes, cuatrocientas señales y mil reinicios; MUERTES=n SENALES=n REINICIOS=n
	@tools/prueba-larga resiste

rompe: ## Estropea el programa línea a línea: una prueba tiene que verlo (una hora); SABOTAJES="B1 C4" para elegir
	@tools/prepara rust pruebas demo
	@$(CARGO) build --quiet --example blindaje
	@sh -c '. tools/lib.sh; como_root "$$@"' sh $(TARGET)/debug/examples/blindaje rompe $(SABOTAJES)

blindaje: ## Lo que se promete y lo que se ha medido, en cifras
	@tools/prepara rust
	@$(CARGO) build --quiet --example blindaje
	@$(TARGET)/debug/examples/blindaje cifras

deny: ## Licencias, fuentes y versiones repetidas de las dependencias; AVISOS=1 mira también los avisos
	@tools/deny $(AVISOS)

vm: ## Una shell en una micro-VM con cgroup v2 y micropod dentro
	@tools/prepara rust vm demo aula
	@$(CARGO) build --release
	@$(CARGO) build --quiet --example 'paso*'
	@tools/vm $(TARGET)/release/micropod

book: ## El libro, en book/book/: lo construye y comprueba que no miente
	@tools/libro/haz construye

book-serve: ## El libro en http://127.0.0.1:3000/, rehecho al guardar
	@tools/libro/haz sirve

labs: ## Pone a prueba los correctores de los laboratorios; LABS="1 5" para elegir
	@tools/prepara rust demo
	@$(CARGO) build --quiet --bin micropod --example labs
	@sh -c '. tools/lib.sh; como_root "$$@"' sh $(TARGET)/debug/examples/labs $(LABS)

pasos: ## Los programas de la segunda parte del libro, en PREFIX/bin
	@tools/prepara rust
	@$(CARGO) build --quiet --example 'paso*'
	@tools/instala --pasos $(TARGET)/debug/examples '$(DESTDIR)' '$(PREFIX)'

bench: ## Compara micropod con runc, podman y otros; PARTES="uno exec vm" para elegir
	@tools/prepara rust pruebas vm banco release
	@SIN_TOPE=1 tools/estatico
	@$(CARGO) build --quiet --example banco
	@tests/bench/run dist/micropod $(TARGET)/debug/examples/banco $(PARTES)

# instalar lo que hay no depende de que quepa en lo que nos hemos propuesto, ni se baja otro compilador
# para que ocupe menos; publicarlo, sí
binario:
	@tools/prepara rust
	@SIN_TOPE=1 tools/estatico

release: ## dist/micropod: el binario estático, que no pase de 3 MiB
	@tools/prepara rust release
	@tools/estatico

reproduce: ## Compila el release dos veces, en dos carpetas, y comprueba que salen los mismos bytes (tarda)
	@tools/prepara rust release
	@tools/reproduce

install: binario ## Instala en PREFIX (/usr/local si no se dice)
	@tools/instala dist/micropod '$(DESTDIR)' '$(PREFIX)'

uninstall: ## Quita lo que puso install
	@tools/instala --quita '$(DESTDIR)' '$(PREFIX)'

deb: binario ## El paquete de Debian, en dist/
	@tools/prepara deb
	@tools/paquete dist/micropod

clean: ## Borra lo compilado; make clean CACHE=1 borra también la caché
	rm -rf target dist
	$(if $(CACHE),rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/micropod")
