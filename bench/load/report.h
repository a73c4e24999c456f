/* report.h: what came of a plan, for people and for programs. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "load.h"

/* For people. */
void load_report_text(FILE *out, const struct load_plan *plan,
                      const struct load_result *result);

/* One object; what it holds is told in docs/load.md. */
void load_report_json(FILE *out, const struct load_plan *plan,
                      const struct load_result *result);

#endif
