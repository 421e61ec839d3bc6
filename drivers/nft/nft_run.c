/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/nft/nft_run.h"

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
