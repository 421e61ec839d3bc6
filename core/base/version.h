/* SPDX-License-Identifier: Apache-2.0 */
/* Which Kukeon this is. */
#pragma once

/* "0.1.0+3f2c1a9be004": the version, and the commit that it was built from; "0.1.0" without git. */
extern const char kukeon_version[];
