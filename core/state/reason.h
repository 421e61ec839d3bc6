/* SPDX-License-Identifier: Apache-2.0 */
/* Why an object is in its state: short codes, from one table, so that log, status and tests agree.
 * Pure. */
#pragma once

#include "core/base/util.h"

/* The comments are the manual: docs/manifests.md is made from them. */
enum reason {
	/* All is well. */
	REASON_NONE,
	/* The daemon has just started and has not looked at the host yet. */
	REASON_STARTING,
	/* The layer above is not Ready; see its own reason. */
	REASON_PARENT_NOT_READY,
	/* Many cells come up at once; it is started when some of them have. */
	REASON_WAITING_ITS_TURN,
	/* It is being made. */
	REASON_CREATING,
	/* What changed in the spec is being taken over. */
	REASON_UPDATING,
	/* It is being started again: a container ended, or somebody asked. */
	REASON_RESTARTING,
	/* The cell has no containers; add one and it starts. */
	REASON_NO_CONTAINERS,
	/*
	 * A container ended again and again; it is started anew after a pause. Look at its exit
	 * code.
	 */
	REASON_RESTART_BACK_OFF,
	/* It is being stopped. */
	REASON_STOPPING,
	/* It is being deleted, with everything below it. */
	REASON_DELETING,
	/*
	 * Its image is being fetched from its registry; the message says how far it is, and what it
	 * waits for if nothing comes. What runs goes on running meanwhile.
	 */
	REASON_PULLING_IMAGE,
	/*
	 * The image is not in the realm, and imagePullPolicy is Never: load or pull it there, with
	 * kuke image load or kuke image pull.
	 */
	REASON_IMAGE_NOT_PRESENT,
	/*
	 * The registry does not have the image, or does not say so without credentials: look at the
	 * name, or give the realm registryCredentials. The message has the registry's words. It is
	 * asked again seldom, and at once when the realm's credentials change.
	 */
	REASON_IMAGE_NOT_FOUND,
	/*
	 * The registry wants other credentials than the realm's registryCredentials have for it;
	 * the message has its words. It is asked again at once when they change.
	 */
	REASON_UNAUTHORIZED,
	/*
	 * Nobody answers for the registry of its image: no such name, no way there, nobody listens,
	 * or a certificate that is not its own. It is tried again by itself; what runs goes on
	 * running.
	 */
	REASON_REGISTRY_UNREACHABLE,
	/*
	 * The registry was asked too often and says so; it is asked again when it allows that. Some
	 * allow more to those who log in: see registryCredentials of the realm.
	 */
	REASON_TOO_MANY_REQUESTS,
	/*
	 * The image cannot be used, or not be fetched for another reason than those above; the
	 * message says what is wrong.
	 */
	REASON_IMAGE_FAILED,
	/* Its cgroup cannot be made or set up. */
	REASON_CGROUP_FAILED,
	/* The realm's namespace cannot be made in containerd. */
	REASON_NAMESPACE_FAILED,
	/*
	 * The space's network, or the cell's place in it, cannot be made; the message has the
	 * plugin's words.
	 */
	REASON_NETWORK_FAILED,
	/*
	 * The rules that isolate the space cannot be put into the kernel's packet filter, so no
	 * cell comes up in it; what runs goes on running. The message has the kernel's words.
	 */
	REASON_FILTER_FAILED,
	/*
	 * Another hand took the rules that isolate the space out of the kernel's packet filter.
	 * They are put back within a second; until then no cell comes up in it or joins it, and
	 * nothing passes between its cells and what is outside. When it comes back again and again,
	 * find the tool with nft monitor.
	 */
	REASON_FILTER_MISSING,
	/*
	 * What is declared of it now cannot be: of a realm another namespace, of a space another
	 * range while cells have addresses in it. It stays as it was, and what is below it comes up
	 * all the same; the message says what stands in the way.
	 */
	REASON_SPEC_REFUSED,
	/*
	 * Of a space, and of a cell that waits for it: a route of the host that is not its own
	 * leads into its range. The message names the route, its link and who made it. What cannot
	 * be reached for it gets no new cell; what runs goes on running. Take the route away, or
	 * give the space another subnet while its cells are stopped.
	 */
	REASON_RANGE_OVERLAPS,
	/*
	 * Of a space: packets of its cells do not come through the host. A packet of Kukeon's own,
	 * led the way that theirs go, ended where the message says: by which rule of whose table,
	 * or on which route, and what helps against that. Its cells run; it is not as declared.
	 */
	REASON_TRAFFIC_BLOCKED,
	/*
	 * Of a space: a rule of the host keeps its cells from services of the host itself, such as
	 * a resolver that listens there, or programs of the host from the cells. The message names
	 * it. It is Ready all the same.
	 */
	REASON_HOST_SHUT,
	/* Of a space: four of five of its addresses are in use. It is Ready all the same. */
	REASON_ADDRESSES_LOW,
	/*
	 * Of a space: none of its addresses is free, so no further cell comes up in it. Delete
	 * cells, or give the space a larger subnet; a bridge has no more than 1023 ports, so beyond
	 * that cells go into another space.
	 */
	REASON_ADDRESSES_EXHAUSTED,
	/*
	 * Of a space: a host that its egress policy allows was never found, so nothing is reached
	 * under that name. It is Ready, its cells run, and it is not as declared all the same.
	 */
	REASON_HOST_NOT_FOUND,
	/*
	 * Of a space: a host that its egress policy allows is not found any more; what it stood for
	 * last stays allowed. It is Ready all the same.
	 */
	REASON_HOST_STALE,
	/* containerd refused to create the container. */
	REASON_CREATE_FAILED,
	/*
	 * A volume or device of it lies on a filesystem that does not answer; the message says
	 * which and since when. It is started when that answers again; nothing else waits for it.
	 */
	REASON_VOLUME_HANGS,
	/*
	 * The container was created and its process cannot be started: most often the command is
	 * not in the image.
	 */
	REASON_START_FAILED,
	/* Its process cannot be ended. */
	REASON_STOP_FAILED,
	/* Something of it cannot be removed; it is tried again. */
	REASON_DELETE_FAILED,
	/* containerd cannot be reached, so nobody knows whether it runs; what ran goes on running.
	 */
	REASON_RUNTIME_UNAVAILABLE,
	/*
	 * What is on the host could not be listed yet, so nothing is done: the message says what
	 * stands in the way. What runs goes on running.
	 */
	REASON_LOOK_FAILED,
	/* Its stored document could not be read and was set aside; declare it anew. */
	REASON_STORE_DAMAGED,
	/*
	 * Its part of the store cannot be read, so what was declared of it is not known: nothing
	 * that is there is taken away. It is read again every few seconds; the message says what
	 * stands in the way.
	 */
	REASON_STORE_UNREADABLE,
	/* Its network was changed by another hand and is being mended; what runs goes on running.
	 */
	REASON_NETWORK_DRIFTED,
	/*
	 * A space that its containers name in networks is declared by nobody. Declare it, or take
	 * it out there; a cell that runs goes on running without it.
	 */
	REASON_SPACE_UNKNOWN,
	/* A space that its containers name in networks is not Ready; see that space's reason. */
	REASON_SPACE_NOT_READY,
	/*
	 * A port that it publishes is another cell's, which was created before it, or another
	 * program's of the host. A cell whose port is another cell's does not start; what runs goes
	 * on running without that port.
	 */
	REASON_PORT_CONFLICT,
	/*
	 * Another cell of its space has its name but for case, and a resolver does not tell them
	 * apart. It does not start until one of them has another name; what runs goes on running.
	 */
	REASON_NAME_CONFLICT,
	/*
	 * It is up, with an earlier image than its tag stands for: kukeond updated it, as its
	 * annotation kukeon.io/auto-update asks, and it did not become Ready with the new one. That
	 * one is not tried again; the next one is, as soon as the tag stands for another.
	 */
	REASON_IMAGE_HELD_BACK,
	/* It ended with exit code 0 and is not to run again. */
	REASON_COMPLETED,
	/* Somebody stopped or killed it; start it to run it again. */
	REASON_STOP_REQUESTED,
	/* It ended with another exit code than 0, or by a signal. */
	REASON_EXITED,
	/*
	 * It reached its memory limit and the kernel ended something in it. Raise the limit, or
	 * find out what takes the memory.
	 */
	REASON_OOM_KILLED,
	/* It was started again as often as restartMaxRetries allows; start it to try again. */
	REASON_GAVE_UP,
	REASON_COUNT,
};

/* "ImageNotPresent"; "" for REASON_NONE. */
const char *reason_name(enum reason reason);

/* The reason of a name; REASON_NONE when there is none. */
enum reason reason_parse(const char *name);
