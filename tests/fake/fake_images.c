/* SPDX-License-Identifier: Apache-2.0 */
/* Registries, and images that come from them. */
#include <errno.h>

#include "core/registry/reference.h"
#include "tests/fake/world.h"

enum { TICK_MS = 250, IMAGE_BYTES = 12 * 1000 * 1000 };

struct fake_pull {
	struct image_pull *pull;
	struct op *op;
	struct timer tick;
	uint64_t begun_ms;
};

static struct world *world_of(struct image_driver *images)
{
	return container_of(images, struct world, images);
}

static void fake_close(struct image_driver *images UNUSED, void (*closed)(void *ctx), void *ctx)
{
	closed(ctx);
}

/* ---- pulls ---- */

static void on_end(struct op *op)
{
	struct fake_pull *fake = op->state;

	timer_stop(&fake->tick);
	if (!op->late)
		op->world->registry.pulling--;
	fake->pull->state = NULL;
	free(fake);
}

/* It moves on a little; how long it takes is a matter of the act's pace. */
static void on_tick(struct timer *timer)
{
	struct fake_pull *fake = container_of(timer, struct fake_pull, tick);
	struct image_progress *progress = &fake->pull->progress;
	struct world *world = fake->op->world;

	timer_start(world->loop, &fake->tick, TICK_MS, on_tick);
	if (world->daemon_died || world->registry.down)
		return;
	str_replace(&progress->host, "registry.example");
	progress->size = IMAGE_BYTES;
	progress->fetched += (IMAGE_BYTES - progress->fetched) / 20;
	progress->bytes_per_second = IMAGE_BYTES / 20 * (1000 / TICK_MS);
	if (fake->pull->on_progress)
		fake->pull->on_progress(fake->pull);
}

static int refuse(struct op *op, enum image_fault fault, struct error *err, const char *why)
{
	struct image_pull *pull = op->ret;

	if (pull) {
		pull->fault = fault;
		pull->retry_after_ms =
			fault == IMAGE_FAULT_TOO_MANY ? op->world->registry.retry_after_ms : 0;
	}
	return error_set(err, -EIO, "registry.example: %s", why);
}

static int judge(struct op *op, struct error *err)
{
	struct world_registry *registry = &op->world->registry;

	if (op->world->runtime_down)
		return refuse(op, IMAGE_FAULT_OTHER, err, "containerd is down");
	if (registry->down)
		return refuse(op, IMAGE_FAULT_UNREACHABLE, err, "connection refused");
	if (registry->refuses) {
		registry->refuses--;
		return refuse(op, IMAGE_FAULT_TOO_MANY, err, "TOOMANYREQUESTS: slow down");
	}
	if (strv_has(&op->world->missing_images, op->image))
		return refuse(op, IMAGE_FAULT_NOT_THERE, err,
			      "MANIFEST_UNKNOWN: not found, or needs credentials");
	if (strv_has(&registry->secret, op->image) && !op->extra)
		return refuse(op, IMAGE_FAULT_UNAUTHORIZED, err, "UNAUTHORIZED: who are you?");
	if (strv_has(&registry->broken, op->image))
		return refuse(op, IMAGE_FAULT_INVALID, err, "the manifest is no JSON");
	return 0;
}

static void comes(struct world *world, const char *image)
{
	struct strv *missing = &world->remote_images;

	for (size_t i = 0; i < missing->n; i++) {
		if (strcmp(missing->items[i], image) != 0)
			continue;
		free(missing->items[i]);
		missing->items[i--] = missing->items[--missing->n];
	}
}

/* What the name stood for has one of its own. */
static void keep(struct op *op)
{
	AUTO_FREE char *digest = fake_image_digest(op->world, op->image);
	AUTO_FREE char *name = reference_name_at(op->image, digest);

	if (!world_image(op->world, op->key, name))
		str_replace(&world_add_image(op->world, op->key, name)->digest, digest);
}

static int apply_pull(struct op *op, struct error *err)
{
	struct world *world = op->world;
	struct image_pull *pull = op->ret;
	int r = judge(op, err);

	if (r < 0)
		return r;
	world_changes(world, "pull", op->image);
	if (pull && pull->keeps && world->registry.pushed > world->images_imported)
		keep(op);
	if (pull)
		pull->changed = world->registry.pushed > world->images_imported ||
				strv_has(&world->remote_images, op->image);
	if (world->registry.pushed > world->images_imported)
		world->images_imported = world->registry.pushed;
	comes(world, op->image);
	if (pull)
		pull->digest = fake_image_digest(world, op->image);
	fake_image_hint(world, op->key);
	return 0;
}

static void fake_pull(struct image_driver *images, struct image_pull *pull, struct call *call)
{
	struct world *world = world_of(images);
	struct op *op = world_act(world, "pull", call, apply_pull);
	struct fake_pull *fake = xnew(struct fake_pull);
	const char *password = pull->n_credentials ? pull->credentials[0]->password : NULL;

	if (pull->state)
		world_violated(world, "pulled twice at once", pull->image);
	op->key = xstrdup(pull->namespace_);
	op->image = xstrdup(pull->image);
	op->extra = xstrdup_maybe(password);
	op->ret = pull;
	op->state = fake;
	op->on_end = on_end;
	*fake = (struct fake_pull){ .pull = pull, .op = op };
	pull->state = fake;
	str_replace(&world->registry.password, password);
	world->registry.asked++;
	if (!op->late && ++world->registry.pulling > world->registry.pulling_most)
		world->registry.pulling_most = world->registry.pulling;
	timer_start(world->loop, &fake->tick, TICK_MS, on_tick);
}

static void fake_cancel(struct image_driver *images UNUSED, struct image_pull *pull)
{
	struct fake_pull *fake = pull->state;

	if (fake)
		world_end_act(fake->op, -ECANCELED, "cancelled");
}

/* ---- what is there ---- */

static int unknown(struct op *op, struct error *err)
{
	return error_set(err, -ENOENT, "%s: the fake knows none", op->name);
}

static int apply_list(struct op *op, struct error *err)
{
	struct image_facts *facts = op->ret;
	struct world_image *image;

	if (op->world->runtime_down || str_equal(op->world->unlistable, op->key))
		return error_set(err, -EAGAIN, "images cannot be listed");
	op->world->images_listed++;
	list_for_each(image, &op->world->images_there, link) {
		if (!facts || !str_equal(image->namespace_, op->key))
			continue;
		facts->items = xrealloc(facts->items, (facts->n + 1) * sizeof(*facts->items));
		facts->items[facts->n++] =
			(struct image_fact){ .name = xstrdup(image->name),
					     .digest = xstrdup(image->digest),
					     .size = image->size,
					     .updated_at_ms = image->updated_at_ms,
					     .whole = true,
					     .unpacked = true,
					     .ours = image->ours };
	}
	return 0;
}

static void fake_list(struct image_driver *images, const char *namespace_,
		      struct image_facts *ret_facts, struct call *call)
{
	struct op *op = world_act(world_of(images), "list images", call, apply_list);

	op->key = xstrdup(namespace_);
	op->ret = ret_facts;
	op->reads_only = true;
}

static void fake_inspect(struct image_driver *images, const char *namespace_, const char *name,
			 struct image_details *ret_details UNUSED, struct call *call)
{
	struct op *op = world_act(world_of(images), "inspect image", call, unknown);

	op->key = xstrdup(namespace_);
	op->image = xstrdup(name);
	op->reads_only = true;
}

static void fake_tag(struct image_driver *images, const char *namespace_, const char *from UNUSED,
		     const char *name, struct call *call)
{
	struct op *op = world_act(world_of(images), "tag", call, unknown);

	op->key = xstrdup(namespace_);
	op->image = xstrdup(name);
}

static bool runs_somewhere(const struct world *world, const struct world_image *image)
{
	struct world_container *c;

	map_for_each(c, &world->containers, node)
		if (str_equal(c->namespace_, image->namespace_) && c->fact.task == TASK_RUNNING &&
		    str_equal(c->fact.image_digest, image->digest))
			return true;
	return false;
}

static int apply_remove(struct op *op, struct error *err)
{
	struct world_image *image = world_image(op->world, op->key, op->image);

	if (op->world->runtime_down)
		return error_set(err, -EAGAIN, "containerd is down");
	if (!image || !str_equal(image->digest, op->extra))
		return error_set(err, -ENOENT, "no such image");
	world_changes(op->world, "remove image", op->image);
	if (!image->ours || runs_somewhere(op->world, image))
		world_violated(op->world, "an image that is not ours, or runs, is removed",
			       op->image);
	op->world->images_removed++;
	world_remove_image(image);
	fake_image_hint(op->world, op->key);
	return 0;
}

static void fake_remove(struct image_driver *images, const char *namespace_, const char *name,
			const char *digest, struct call *call)
{
	struct op *op = world_act(world_of(images), "remove image", call, apply_remove);

	op->key = xstrdup(namespace_);
	op->image = xstrdup(name);
	op->extra = xstrdup_maybe(digest);
}

/* ---- archives: anything is one, and has one image ---- */

enum { LOAD_ROOM_BYTES = 64 << 10 };

static void fake_load(struct image_driver *images UNUSED, struct image_load *load,
		      struct call *call)
{
	load->state = call;
}

static size_t fake_load_room(struct image_driver *images UNUSED, const struct image_load *load)
{
	return load->state ? LOAD_ROOM_BYTES : 0;
}

static void fake_load_give(struct image_driver *images UNUSED, struct image_load *load,
			   const void *data UNUSED, size_t len)
{
	check(load->state && len > 0 && len <= LOAD_ROOM_BYTES);
	load->unpacked_bytes += len;
}

static void end_load(struct image_load *load, int status)
{
	struct call *call = load->state;

	load->state = NULL;
	if (call)
		call_complete(call, status, NULL);
}

static void fake_load_end(struct image_driver *images UNUSED, struct image_load *load)
{
	if (!load->state)
		return;
	load->images = xnew(struct image_loaded);
	load->n_images = 1;
	load->images->name = xstrdup("localhost/loaded:latest");
	load->images->digest =
		xasprintf("sha256:%064llu", (unsigned long long)load->unpacked_bytes);
	end_load(load, 0);
}

static void fake_load_cancel(struct image_driver *images UNUSED, struct image_load *load)
{
	end_load(load, -ECANCELED);
}

static void end_save(struct image_save *save, int status)
{
	struct call *call = save->state;

	save->state = NULL;
	if (call)
		call_complete(call, status, NULL);
}

static void fake_save_resume(struct image_driver *images UNUSED, struct image_save *save)
{
	static const char text[] = "an archive";

	if (save->state && save->on_data(save, text, sizeof(text)))
		end_save(save, 0);
}

static void fake_save(struct image_driver *images, struct image_save *save, struct call *call)
{
	save->state = call;
	fake_save_resume(images, save);
}

static void fake_save_cancel(struct image_driver *images UNUSED, struct image_save *save)
{
	end_save(save, -ECANCELED);
}

const struct image_ops *fake_image_ops(void)
{
	static const struct image_ops ops = {
		.close = fake_close,
		.pull = fake_pull,
		.cancel = fake_cancel,
		.list = fake_list,
		.inspect = fake_inspect,
		.tag = fake_tag,
		.remove = fake_remove,
		.load = fake_load,
		.load_room = fake_load_room,
		.load_give = fake_load_give,
		.load_end = fake_load_end,
		.load_cancel = fake_load_cancel,
		.save = fake_save,
		.save_resume = fake_save_resume,
		.save_cancel = fake_save_cancel,
	};

	return &ops;
}
