/* SPDX-License-Identifier: Apache-2.0 */
#include "core/state/space_passage.h"

#include <stdlib.h>

void space_passage_fini(struct space_passage *passage)
{
	free(passage->suspected);
	free(passage->blocked);
	free(passage->remedy);
	free(passage->shut);
	free(passage->shut_remedy);
}
