/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam to images: those that containerd has, and those that registries have. The rules of calls
 * are those of core/driver/seam.h, but that a pull has no deadline on the whole: it ends by itself
 * when nothing has come for some time.
 *
 * Images are named as containerd names them (core/registry/reference.h, reference_name()).
 */
#pragma once

#include "core/base/buf.h"
#include "core/driver/image_archive.h"
#include "core/driver/image_pull.h"
#include "core/driver/seam.h"

/* An image that containerd has. */
struct image_fact {
	char *name;   /* as containerd has it */
	char *digest; /* what it stands for: of an index or a manifest */
	char *media_type;
	uint64_t size;         /* of all its blobs that are there, for this machine */
	int64_t created_at_ms; /* of the record; wall clock since the epoch */
	int64_t updated_at_ms;
	bool whole;    /* manifest, config and layers for this machine are all there */
	bool unpacked; /* its snapshot is there */
	bool ours;     /* its record carries our label: we pulled or loaded it */
};

void image_fact_fini(struct image_fact *fact);

struct image_facts {
	struct image_fact *items; /* by name */
	size_t n;
};

void image_facts_fini(struct image_facts *facts);

/* One image in depth; what stands in its config, for this machine. */
struct image_details {
	struct image_fact fact;
	char *manifest_digest, *config_digest; /* NULL: not there */
	char *config;                          /* the JSON of the config; NULL: not there */
	struct image_layer *layers;
	size_t n_layers;
	struct strv volumes, exposed_ports; /* that it declares */
	char *health_check;                 /* in words; NULL: none */
};

void image_details_fini(struct image_details *details);

struct image_driver;

struct image_ops {
	/* Cancels what runs. */
	void (*close)(struct image_driver *images, void (*closed)(void *ctx), void *ctx);

	/*
	 * Asks the registry, with the realm's credentials, what the name stands for; fetches what
	 * is not there, unpacks it, and lets the name stand for it. A pull of what is there already
	 * asks and ends. Never more than one for the same namespace and name.
	 */
	void (*pull)(struct image_driver *images, struct image_pull *pull, struct call *call);
	/* Its call ends with -ECANCELED, some time; what has come is kept for the next try for a
	 * while. */
	void (*cancel)(struct image_driver *images, struct image_pull *pull);

	/* All images of a namespace, those of other tools too. */
	void (*list)(struct image_driver *images, const char *namespace_,
		     struct image_facts *ret_facts, struct call *call);
	/* -ENOENT */
	void (*inspect)(struct image_driver *images, const char *namespace_, const char *name,
			struct image_details *ret_details, struct call *call);
	/* @name stands for what @from stands for, whatever it stood for before. -ENOENT: @from */
	void (*tag)(struct image_driver *images, const char *namespace_, const char *from,
		    const char *name, struct call *call);
	/* The name, if it stands for @digest (NULL: whatever for). What nothing needs any more is
	 * collected before the call ends. */
	void (*remove)(struct image_driver *images, const char *namespace_, const char *name,
		       const char *digest, struct call *call);

	/*
	 * Takes the images of an archive as its bytes come, and lets the names that it has stand
	 * for them. Everything is checked on the way: digests, names, sizes. It ends by itself when
	 * the archive is wrong or too large, and after load_end(); what it wrote is then gone, or
	 * part of an image. -EBADMSG, -EFBIG: it is the archive's fault, and the words say what.
	 */
	void (*load)(struct image_driver *images, struct image_load *load, struct call *call);
	/* How much may be given now. 0: on_room follows, or the end. */
	size_t (*load_room)(struct image_driver *images, const struct image_load *load);
	/* @len: 1 to room; copied. */
	void (*load_give)(struct image_driver *images, struct image_load *load, const void *data,
			  size_t len);
	/* That was all of it. */
	void (*load_end)(struct image_driver *images, struct image_load *load);
	/* Its call ends with -ECANCELED, some time; nothing is left of it. */
	void (*load_cancel)(struct image_driver *images, struct image_load *load);

	/* -ENOENT: an image, or a part of it for this machine, is not there. */
	void (*save)(struct image_driver *images, struct image_save *save, struct call *call);
	void (*save_resume)(struct image_driver *images, struct image_save *save);
	/* Its call ends with -ECANCELED, some time. */
	void (*save_cancel)(struct image_driver *images, struct image_save *save);
};

struct image_driver {
	const struct image_ops *ops;
};
