/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/nft_run.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

struct nft_ctx *nft_open(void)
{
	struct nft_ctx *nft;

	pthread_mutex_lock(&turn);
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	pthread_mutex_unlock(&turn);
	if (nft) {
		nft_ctx_buffer_output(nft);
		nft_ctx_buffer_error(nft);
	}
	return nft;
}

int nft_run(struct nft_ctx *nft, const char *text)
{
	int r;

	pthread_mutex_lock(&turn);
	r = nft_run_cmd_from_buffer(nft, text);
	pthread_mutex_unlock(&turn);
	return r;
}

void nft_close(struct nft_ctx *nft)
{
	pthread_mutex_lock(&turn);
	nft_ctx_free(nft);
	pthread_mutex_unlock(&turn);
}

int nft_run_once(const char *text, unsigned flags, char **ret_output, struct error *err)
{
	struct nft_ctx *nft = nft_open();
	int r = 0;

	if (!nft)
		return error_set(err, -ENOMEM, "libnftables cannot be used");
	nft_ctx_output_set_flags(nft, flags);
	if (nft_run(nft, text) != 0)
		r = error_set(err, -EIO, "%s", nft_ctx_get_error_buffer(nft));
	else if (ret_output)
		*ret_output = xstrdup(nft_ctx_get_output_buffer(nft));
	nft_close(nft);
	return r;
}
