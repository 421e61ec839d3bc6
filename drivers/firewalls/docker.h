/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker drops what is forwarded and is not its own. Rules in DOCKER-USER let our bridges pass;
 * they are somebody else's to allow, so they are set only when that was asked for, which the
 * journal keeps, and then put back whenever docker has made its chains anew.
 *
 * docker's iptables is that of nftables, whose chain is changed in one transaction, or the older
 * one, whose programs are run; each is looked at where it is.
 */
#pragma once

#include "core/driver/managers.h"
#include "core/journal/journal.h"

struct docker;

/* @rests: it is not busy any more. */
struct docker *docker_open(struct loop *loop, struct journal *journal, void (*rests)(void *ctx),
			   void *ctx);
void docker_close(struct docker *docker, void (*closed)(void *ctx), void *ctx);

/* Its chains may have changed. Costs nothing as long as nobody has asked. */
void docker_doubt(struct docker *docker);

/* Somebody asks: where docker is, the journal says so from now on. Looks. */
void docker_ask(struct docker *docker);

/* Nobody does any more: our rules go. */
void docker_leave(struct docker *docker);

/* Looks, and sets or takes away what is to be. */
void docker_look(struct docker *docker);
/* Somebody has asked, and docker is about to make its chains: asked again, it may have. */
bool docker_is_awaited(const struct docker *docker);
bool docker_is_busy(const struct docker *docker);

/* As it was at the last look; nothing where docker has no chains. */
void docker_describe(const struct docker *docker, struct manager_notes *notes);
