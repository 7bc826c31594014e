# micropod: lo que se hace con el proyecto. `make` a secas dice qué hay.

CARGO := tools/cargo
HOST := $(shell $(CARGO) --busca >/dev/null 2>&1 && rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TRIPLE := $(or $(HOST),$(shell uname -m)-unknown-linux-gnu)
# un solo fichero, sin bibliotecas: cabe en una memoria USB y corre en cualquier Linux
STATIC := -C target-feature=+crt-static -C relocation-model=static
PREFIX ?= /usr/local
SUDO := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo)

.PHONY: help demo test release install uninstall clean

help: ## Esta ayuda
	@echo "make OBJETIVO, y los objetivos son:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-12s %s\n", $$1, $$2}'

demo: ## Construye micropod y las imágenes, levanta nginx + PHP-FPM y enseña su página
	tools/prepara rust demo
	$(CARGO) build --release
	$(SUDO) tools/demo target/release/micropod

test: ## Todo: estilo, núcleo, anfitrión como root
	tools/prepara rust estilo pruebas
	tools/prueba

release: ## Binario estático en dist/
	tools/prepara rust
	RUSTFLAGS="$(STATIC)" $(CARGO) build --release --target $(TRIPLE)
	mkdir -p dist
	cp target/$(TRIPLE)/release/micropod dist/micropod
	tools/comprueba-binario dist/micropod

install: release ## Instala el binario y el autocompletado en PREFIX
	$(SUDO) install -D -m 755 dist/micropod $(DESTDIR)$(PREFIX)/bin/micropod
	dist/micropod completion bash >dist/micropod.bash
	$(SUDO) install -D -m 644 dist/micropod.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/micropod

uninstall: ## Quita lo que puso install
	$(SUDO) rm -f $(DESTDIR)$(PREFIX)/bin/micropod $(DESTDIR)$(PREFIX)/share/bash-completion/completions/micropod

clean: ## Borra lo compilado
	rm -rf target dist
