/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/version.h"

#include "core/base/revision.h" /* made by scripts/write-revision: the only object that a commit makes anew */

const char kukeon_version[] = KUKEON_VERSION KUKEON_REVISION;
