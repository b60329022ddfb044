/* The verifier: what is right passes in its form; what is wrong gets its message at its place. */
#include "ir/verify.h"
#include "testsuite/unit/evaluation.h"

#define LOOP "kernel k(in A: bf16[M, N], in B: bf16[N], in n: i32, out Y: bf16[M, N])\n{ "
#define TILE                                                                                                 \
    "kernel k(in A: bf16[M, N], in B: bf16[N], in n: i32, out Y: bf16[M, N])\n"                              \
    "{ grid i in 0..M by 32, j in 0..N by 32 { fragment acc[i, j]: f32 fragment s[i]: f32 @{tt.orientation " \
    "= column}"                                                                                              \
    " shared a[i, j]: bf16 shared v[j]: bf16 @{tt.orientation = row} for k in 0..N by 32 { shared p[i, k]: " \
    "bf16 shared q[k, j]: bf16\n"
#define TILE_END " } } }"
#define SEQUENTIAL                                                                                           \
    "kernel k(in A: bf16[M, N], out Y: bf16[M, N]) @{tt.runtime_args = {start_id = start(), count = "        \
    "count()}}\n{ "                                                                                          \
    "circular_buffer cb_a = 0: bf16 pages 4 @{tt.block = [2, 2]} circular_buffer cb_y = 16: bf16 pages 4 "   \
    "@{tt.block = [2, 2]}\n"
#define SPLIT "kernel k(in A: bf16[M, N], out Y: bf16[M, N])\n{ circular_buffer cb_a = 0: bf16 pages 4 "
#define READER(body) "function reader reader() { constant cb_a = 0 " body " } "
#define COMPUTE(body) "function compute compute() { constant cb_a = 0 " body " } "
#define WRITER(body) "function writer writer() { constant cb_a = 0 " body " } "

static const struct {
    enum form form;
    const char *text;
    const char *message; /* NULL: nothing is wrong */
    uint32_t line;
} rows[] = {
    /* Names. */
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { Y[i, j] = A[i, j] + B[j] } }", NULL, 0},
    {FORM_LOOP, LOOP "for i in 0..M { for j in 0..N { Y[i, j] = 0 } for j in 0..N { let t = A[i, j] } } }",
     NULL, 0},
    {FORM_LOOP, LOOP "for i in 0..M { for i in 0..N { Y[i, i] = 0 } } }", "i is declared twice", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let A = 1 } }", "A is declared twice", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let M = 1 } }", "M is declared twice", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = sum(i in 0..N: B[i]) } }", "i is declared twice", 2},
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { Y[i, j] = C[i, j] } }", "there is no C here", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = 1 } for j in 0..N { Y[0, j] = t } }", "there is no t here", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = t } }", "there is no t here", 2},
    {FORM_LOOP, "kernel k(in A: bf16[M], in A: bf16[M], out Y: bf16[M])\n{ }", "A is declared twice", 1},
    /* Accesses and assignments. */
    {FORM_LOOP, LOOP "for i in 0..M { Y[i] = 0 } }", "Y has 2 dimensions, but 1 subscript", 2},
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { Y[i, j] = B[A[i, j]] } }",
     "a subscript must be an integer: A[i, j]", 2},
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { Y[i, j] = A } }", "A is no number: it has 2 dimensions", 2},
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { Y[i, j] = n[0] } }", "n has no elements", 2},
    {FORM_LOOP, LOOP "for i in 0..M, j in 0..N { A[i, j] = 0 } }", "A is an input: it is not written", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = 1 t = 2 } }", "t is not assigned: it is no var", 2},
    {FORM_LOOP, LOOP "for i in 0..M { var t: i32 = 1 t = 2.5 } }",
     "a float value does not become an integer by itself", 2},
    {FORM_LOOP, LOOP "for i in 0..M { var t: bool = 2 } }",
     "a number does not become a truth value by itself", 2},
    {FORM_LOOP, LOOP "for i in 0..M { Y[i, 0 else 1] = 2 } }", "what is written has no else", 2},
    {FORM_LOOP, LOOP "for i in 0..M { 3 = 2 } }", "3 cannot be assigned", 2},
    /* Axes. */
    {FORM_LOOP, LOOP "for i in 0..M by 8, j in 0..N by 8 { Y[i, j] = A[i, j] * sum(j: B[j]) } }", NULL, 0},
    {FORM_LOOP,
     LOOP
     "for i in 0..M by 8, j in 0..N by 8 { let b[j]: f32 = B[j] + lo(i) fragment c[i]: f32 = 0 c[i] += sum(j: A[i, j]) } }",
     NULL, 0},
    {FORM_LOOP, LOOP "for i in 0..M by 8 { for j in 0..N { Y[lo(i), j] = A[i, j] } } }",
     "block axis i is neither on the left side nor folded", 2},
    {FORM_LOOP, LOOP "for i in 0..M by 8 { let t = B[i] } }",
     "block axis i is neither on the left side nor folded", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = sum(i: B[i]) } }",
     "i is no block axis: give it a range to fold it", 2},
    {FORM_LOOP, LOOP "for i { Y[0, 0] = 0 } }", "axis i of a for has no range", 2},
    {FORM_LOOP, LOOP "for i in 0..M { fragment f[x]: f32 } }", "x is no axis in scope", 2},
    {FORM_LOOP, LOOP "for i in 0..M { fragment f[x in 0..3]: f32 } }",
     "axis x of a buffer has a range: a buffer holds a block of an axis in scope", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = lo(n) } }", "lo takes an axis in scope, not n", 2},
    /* Functions and types. */
    {FORM_LOOP, LOOP "for i in 0..M { let t = exp(1, 2) } }", "exp takes 1 argument, not 2", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = erfc(1) } }", "there is no function erfc", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = select(i > 0, 1) } }", "select takes 3 arguments, not 2", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = 1.5 % 2 } }", "% is for integers: 1.5 % 2", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = 1.5 && i > 0 } }", "&& is for truth values: 1.5 && i > 0", 2},
    {FORM_LOOP, LOOP "for i in 0..1.5 { } }", "a bound must be an integer: 1.5", 2},
    {FORM_LOOP, LOOP "for i in 0..M { if 1.5 { } } }", "a condition must be a truth value: 1.5", 2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = argmax(x in 0..2, y in 0..2: x) } }", "argmax folds one axis",
     2},
    {FORM_LOOP, LOOP "for i in 0..M { let t = [1, 2] } }", "[1, 2] is no value", 2},
    /* Attributes. */
    {FORM_LOOP, LOOP "for i in 0..M @{tt.blok = [1, 2]} { } }", "there is no attribute tt.blok", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.block = [1]} { } }", "tt.block must be a list of two", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.block = [2, 5000000000]} { } }",
     "5000000000 does not fit in the 32 bits that the device has for a number", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = {page_size = 4294967296, depth = 1}} { } }",
     "4294967296 does not fit in the 32 bits that the device has for a number", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = {page_size = 4294967295, depth = 1}} { } }", NULL, 0},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = {page_size = M, depth = 1}} { } }",
     "page_size must be a number, 1 or more", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = {page_size = 2048}} { } }", "tt.cb has no depth", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.compute = {dst_full_sync_en = 2}} { } }",
     "dst_full_sync_en must be 0 or 1", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.subblock = [1, zz]} { } }", "there is no zz here", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = {pages = 1}} { } }", "there is no attribute pages", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.cb = 1} { } }", "tt.cb must be a dictionary {...}", 2},
    {FORM_LOOP, LOOP "for i in 0..M @{tt.home = 1} { } }", "tt.home must be a word", 2},
    /* The form. */
    {FORM_LOOP, TILE "tile load p[i, k] = A[i, k]" TILE_END, "loop form has no tile", 3},
    {FORM_LOOP, LOOP "cb_wait_front(0, 1) }", "a call is no statement of loop form", 2},
    {FORM_LOOP, LOOP "role reader { } }", "loop form has no role", 2},
    {FORM_LOOP, LOOP "constant c = 1 }", "loop form has no constant", 2},
    {FORM_LOOP, LOOP "let p = page(A, 0, 0) }", "pages belong to device form", 2},
    {FORM_LOOP, LOOP "kernel x(out Z: f32[1]) { } }", "a kernel is no statement of a kernel", 2},
    {FORM_TILE, TILE "p[i, k] = A[i, k]" TILE_END, "an assignment of tile form is a tile statement", 3},
    {FORM_TILE, TILE "let w[j] = B[j]" TILE_END, "let w has axes: in tile and device form that is a buffer",
     3},
    {FORM_TILE, TILE "shared w[j]: bf16" TILE_END, "vector w has no tt.orientation", 3},
    {FORM_TILE, TILE "shared w[i, j]: bf16 = 0" TILE_END,
     "buffer w has an initial value: that is a tile statement of its own", 3},
    /* Tile operations. */
    {FORM_TILE,
     TILE
     "tile load p[i, k] = A[i, k] tile load v[j] = B[j] tile map acc[i, j] = v[j] tile matmul acc[i, j] += sum(k: p[i, k] * q[k, j]) tile matmul acc[i, j] += sum(k: p[i, k] * q[j, k]) tile reduce s[i] = max(k: p[i, k]) tile reduce s[i] += sum(k: p[i, k]) tile reduce acc[i, j] += sum(k: p[i, k]) @{tt.unit = vector} tile transpose q[k, i] = p[i, k] tile map a[i, j] = select(inside(j), acc[i, j] * s[i], 0) tile store Y[i, j] = a[i, j]" TILE_END,
     NULL, 0},
    {FORM_TILE, TILE "tile load p[i, k] = p[i, k]" TILE_END, "tile load is buffer[...] = tensor[...]", 3},
    {FORM_TILE, TILE "tile load p[i, k] += A[i, k]" TILE_END, "tile load is buffer[...] = tensor[...]", 3},
    {FORM_TILE, TILE "tile load p[i, lo(k)] = A[i, lo(k)]" TILE_END,
     "p of a tile statement is subscripted by axes", 3},
    {FORM_TILE, TILE "tile load p[i, i] = A[i, i]" TILE_END, "axis i stands twice in the subscripts of p", 3},
    {FORM_TILE, TILE "tile store Y[i, j] = a[i, j] + 1" TILE_END, "tile store is tensor[...] = buffer[...]",
     3},
    {FORM_TILE, TILE "tile map a[i, j] = A[i, j]" TILE_END, "tile map reads buffers only, not tensor A", 3},
    {FORM_TILE, TILE "tile map a[i, j] = fpu(a[i, j] * v[j]) + fpu(v[j])" TILE_END, NULL, 0},
    {FORM_TILE, TILE "tile map a[i, j] = fpu(exp(a[i, j]))" TILE_END,
     "fpu takes a buffer, or +, - or * of two, not exp(a[i, j])", 3},
    {FORM_TILE, TILE "tile map a[i, j] = fpu(a[i, j] / v[j])" TILE_END,
     "fpu takes a buffer, or +, - or * of two, not a[i, j] / v[j]", 3},
    {FORM_LOOP, LOOP "for i in 0..M { let t = fpu(B[i]) } }", "there is no function fpu", 2},
    {FORM_TILE, TILE "tile map a[i, j] = sum(k: p[i, k])" TILE_END, "tile map has no reduction in it", 3},
    {FORM_TILE, TILE "tile map Y[i, j] = 0" TILE_END, "tile map writes a buffer", 3},
    {FORM_TILE, TILE "tile map s[i] = v[j]" TILE_END, "block axis j is neither on the left side nor folded",
     3},
    {FORM_TILE, TILE "tile matmul acc[i, j] = sum(k: p[i, k] * q[k, j])" TILE_END,
     "tile matmul is fragment[...] += sum(k: a * b)", 3},
    {FORM_TILE, TILE "tile matmul a[i, j] += sum(k: p[i, k] * q[k, j])" TILE_END,
     "tile matmul is fragment[...] += sum(k: a * b)", 3},
    {FORM_TILE, TILE "tile matmul acc[i, j] += sum(k: q[k, j] * p[i, k])" TILE_END,
     "tile matmul contracts a[row, k] and b[k, column] or b[column, k], or a vector in place of one, to acc",
     3},
    {FORM_TILE, TILE "tile reduce s[i] max= sum(k: p[i, k])" TILE_END,
     "tile reduce by sum goes with = or +=", 3},
    {FORM_TILE, TILE "tile reduce s[i] = min(k: p[i, k])" TILE_END,
     "tile reduce is buffer[...] = sum(axis: buffer) or max(axis: buffer), or min or product of the vector unit",
     3},
    {FORM_TILE, TILE "tile reduce s[i] += sum(k: p[i, k]) @{tt.unit = vector}" TILE_END,
     "a tile reduce of the vector unit goes with =, or by lanes: buffer[i, lane] += sum(j: buffer[i, j])", 3},
    {FORM_TILE, TILE "tile reduce acc[i, j] = sum(k: p[i, k]) @{tt.unit = vector}" TILE_END,
     "a tile reduce of the vector unit goes with =, or by lanes: buffer[i, lane] += sum(j: buffer[i, j])", 3},
    {FORM_TILE, TILE "tile reduce s[i] = sum(j: p[i, k])" TILE_END,
     "block axis k is neither on the left side nor folded", 3},
    {FORM_TILE, TILE "tile reduce acc[i, k] = sum(j: p[i, k])" TILE_END,
     "tile reduce folds j, which p has not", 3},
    {FORM_TILE, TILE "tile transpose q[k, j] = q[k, j]" TILE_END, "tile transpose exchanges the axes of q",
     3},
    {FORM_TILE, TILE "tile scan a[i, j] = scan(max, i: acc[i, j], v[j])" TILE_END, NULL, 0},
    {FORM_TILE, TILE "tile scan a[i, j] = scan(sum, j: acc[i, j])" TILE_END,
     "tile scan is buffer[i, j] = scan(fold, i: buffer[i, j]), down the rows, or scan(fold, i: buffer[i, j], buffer[j])", 3},
    {FORM_TILE, TILE "tile scan a[i, j] = scan(sum, i: acc[i, j], s[i])" TILE_END,
     "what a scan begins with does not vary along i", 3},
    {FORM_TILE, TILE "tile scan a[i, j] = scan(argmax, i: acc[i, j])" TILE_END, "a scan gives no positions", 3},
    {FORM_TILE, TILE "tile map a[i, j] = scan(sum, k: p[i, k])" TILE_END,
     "a scan runs along a block axis of what is written", 3},
    /* Device form in one process. */
    {FORM_DEVICE,
     SEQUENTIAL
     "for tid in start_id..start_id + count { fragment acc[i, j]: f32 @{tt.block = [2, 2]} role reader { cb_reserve_back(cb_a, 4) noc_async_read_page(page(A, tid, 0), A, get_write_ptr(cb_a)) cb_push_back(cb_a, 4) } role compute { cb_wait_front(cb_a, 4) tile map acc[i, j] = cb_a[i, j] @{tt.ranges = {i = [2, tid * 2, M], j = [2, 0, N]}} } } }",
     NULL, 0},
    {FORM_DEVICE,
     SEQUENTIAL "role compute { tile map cb_y[i, j] = cb_a[i, j] @{tt.ranges = {i = [2, 0, M]}} } }",
     "there is no j here", 3},
    {FORM_DEVICE,
     SEQUENTIAL "role compute { tile map cb_y[i, j] = cb_a[i, j] @{tt.ranges = {i = [2, 0, M], j = 3}} } }",
     "tt.ranges of axis j must be [tiles, first, extent]", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { tile map cb_y[i] = 0 @{tt.ranges = {i = [2, 0, M]}} } }",
     "a tile statement of device form stands in role compute", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { let t = A[0, 0] } }",
     "device form reaches tensor A by pages only", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { } shared x[i]: bf16 @{tt.block = [1, 1]} }",
     "buffer x is shared: device form has circular buffers instead", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { role writer { } } }", "a role inside of a role", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { } tile_regs_acquire() }",
     "tile_regs_acquire stands outside of every role", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { } circular_buffer cb_z = 16: bf16 pages 1 }",
     "circular buffer cb_z has the number of cb_y", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { noc_async_read_page(page(A, 0), A, 0) } }",
     "a page of A is given by 2 numbers, not 1", 3},
    /* Calls. */
    {FORM_DEVICE, SEQUENTIAL "role reader { cb_wait(cb_a, 4) } }", "there is no device call cb_wait", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { cb_wait_front(cb_a) } }",
     "cb_wait_front takes 2 arguments, not 1", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { tile_regs_acquire() } }",
     "tile_regs_acquire is a call of compute, not of reader", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { reconfig_data_format(SUM, 0, 0) } }",
     "reconfig_data_format takes REVERSE or REGULAR here, not SUM", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { softplus_tile(0, bits(1.0), bits(1.0), bits(19.0)) } }",
     "softplus_tile takes bits(20.0) here, not bits(19.0)", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { softplus_tile(0, 1, bits(1.0), bits(20.0)) } }",
     "softplus_tile takes bits(1.0) here, not 1", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { erf_tile(0, 0) } }", "erf_tile takes ACCURATE here, not 0", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { noc_async_read_barrier() } }",
     "noc_async_read_barrier is a call of reader and writer, not of compute", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { unary_bcast_init(DIAGONAL, cb_a) } }",
     "unary_bcast_init takes ROW or COL or SCALAR here, not DIAGONAL", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { get_write_ptr(cb_a) } }",
     "get_write_ptr is a value, not a statement", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { let t = cb_push_back(cb_a, 1) } }",
     "cb_push_back has no value: it is a statement", 3},
    {FORM_DEVICE, SEQUENTIAL "role compute { fill_tile_bitcast(0, 1.5) } }",
     "an argument of a device call must be an integer: 1.5", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { noc_async_read_page(0, cb_a, 0) } }",
     "cb_a is no accessor of a tensor", 3},
    /* Core to core. */
    {FORM_DEVICE,
     SEQUENTIAL "semaphore s = 3 initial 2 role reader { noc_semaphore_wait(get_semaphore(s), 1) } }", NULL,
     0},
    {FORM_DEVICE,
     SPLIT "semaphore s = 3 " READER("constant s = 3 noc_semaphore_set(get_semaphore(s), 1)") WRITER("") "}",
     NULL, 0},
    {FORM_DEVICE, SEQUENTIAL "semaphore s = 3 role compute { noc_semaphore_wait(0, 1) } }",
     "noc_semaphore_wait is a call of reader and writer, not of compute", 3},
    {FORM_DEVICE, SEQUENTIAL "semaphore s = 16 role reader { } }",
     "semaphore s has the number 16: there are 0 to 15", 3},
    {FORM_DEVICE, SEQUENTIAL "semaphore s = 1 semaphore t = 1 role reader { } }",
     "semaphore t has the number of s", 3},
    {FORM_DEVICE, SEQUENTIAL "semaphore s = 1 initial -1 role reader { } }",
     "semaphore s begins as -1, which is no number of 32 bits", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { noc_semaphore_inc(4096, 1) } }", "4096 is no NoC address", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { noc_semaphore_inc(get_noc_multicast_addr(1, 1, 2, 2, 64), 1) } }",
     "get_noc_multicast_addr(1, 1, 2, 2, 64) is no NoC address", 3},
    {FORM_DEVICE, SEQUENTIAL "role reader { let a: u32 = get_noc_addr(1, 1, 64) } }",
     "get_noc_addr is no number: it is a NoC address of 64 bits, an argument of other calls", 3},
    {FORM_LOOP, "kernel k(in A: bf16[M, N], out Y: bf16[M, N])\n{ semaphore s = 1 }",
     "loop form has no semaphore", 2},
    /* Functions. */
    {FORM_DEVICE,
     SPLIT "function helper h(in a: u32) { l1_store_u32(a, 0) } " READER("h(get_write_ptr(cb_a))") COMPUTE("")
         WRITER("") "}",
     NULL, 0},
    {FORM_DEVICE, SPLIT READER("") WRITER("") "}", NULL, 0},
    {FORM_DEVICE, SPLIT READER("") COMPUTE("") "}", "kernel k has no writer", 1},
    {FORM_DEVICE, SPLIT READER("") READER("") WRITER("") "}", "reader is a second reader of kernel k", 2},
    {FORM_DEVICE, SPLIT READER("") WRITER("") "let x = 1 }",
     "a kernel of functions has circular buffers and semaphores beside them, but no let", 2},
    {FORM_DEVICE, SPLIT READER("let x: u32 = M") WRITER("") "}", "there is no M here", 2},
    {FORM_DEVICE, SPLIT READER("h(1)") WRITER("") "}", "there is no device call h", 2},
    {FORM_DEVICE, SPLIT READER("delinearize _, j, _ = 5 over [2, 3, 4] let x: u32 = j") WRITER("") "}", NULL,
     0},
    {FORM_DEVICE, SPLIT READER("delinearize _, j = 5 over [2, 3] let x: u32 = _") WRITER("") "}",
     "there is no _ here", 2},
    {FORM_DEVICE, SPLIT "function helper h(in a: u32) { } " READER("h()") WRITER("") "}",
     "h takes 1 argument, not 0", 2},
    {FORM_DEVICE, SPLIT "function helper h(in a: f32) { } " READER("h(1)") WRITER("") "}",
     "parameter a of a helper is a u32", 2},
    {FORM_DEVICE, SPLIT "function helper h(in a: u32) { } " READER("") COMPUTE("h(1)") WRITER("") "}",
     "h is a call of reader and writer, not of compute", 2},
    {FORM_DEVICE, SPLIT "function reader reader(in a: u32) { } " WRITER("") "}",
     "reader reader takes parameters: only helpers do", 2},
    {FORM_DEVICE, SPLIT READER("let x: u32 = 4294967295 let y: u32 = -2147483648") WRITER("") "}", NULL, 0},
    {FORM_DEVICE, SPLIT READER("let x: u32 = 1 % 4294967296") WRITER("") "}",
     "4294967296 does not fit in the 32 bits that the device has for a number", 2},
    {FORM_DEVICE, SPLIT READER("let x: u32 = -2147483649") WRITER("") "}",
     "-2147483649 does not fit in the 32 bits that the device has for a number", 2},
    {FORM_DEVICE, SPLIT COMPUTE("let x: u32 = bits(5000000000)") WRITER("") "}", NULL, 0},
    {FORM_DEVICE, SPLIT READER("let x: u32 = bits_bf16x2(1.5) + bits_bf16(-inf)") WRITER("") "}", NULL, 0},
    {FORM_DEVICE, SPLIT READER("let x: u32 = 1 let y: u32 = bits_bf16(x)") WRITER("") "}",
     "bits_bf16 takes a literal", 2},
    {FORM_DEVICE, SPLIT READER("let x: u32 = bits_bf16x2(1, 2)") WRITER("") "}",
     "bits_bf16x2 takes 1 argument, not 2", 2},
    {FORM_DEVICE, SPLIT "constant c = 1 " READER("") WRITER("") "}",
     "a kernel of functions has circular buffers and semaphores beside them, but no constant", 2},
    {FORM_DEVICE, SPLIT "circular_buffer cb_b = 5000000000: bf16 pages 4 " READER("") WRITER("") "}",
     "circular buffer cb_b has the number 5000000000", 2},
    {FORM_DEVICE, SPLIT READER("circular_buffer cb_b = 1: bf16 pages 4") WRITER("") "}",
     "cb_b is declared in a role or function", 2},
    {FORM_DEVICE, SPLIT READER("semaphore s = 1") WRITER("") "}", "s is declared in a role or function", 2},
    {FORM_DEVICE, SPLIT READER("accessor A at 0 tiles [] ") WRITER("") "}", "accessor A has no dimensions",
     2},
};

START_TEST(wrong_kernels_are_refused_with_a_reason) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b = bench_open();
        struct node *kernel = bench_kernel(&b, rows[i].text);
        bool fine = kernel_verify(b.arena, b.diagnostics, kernel, rows[i].form);
        ck_assert_msg(fine == !rows[i].message, "row %zu: %s\n%s", i, bench_message(&b), rows[i].text);
        ck_assert_str_eq(bench_message(&b), rows[i].message ? rows[i].message : "");
        ck_assert_msg(fine || b.diagnostics->first->span.line == rows[i].line, "row %zu: line %u", i,
                      b.diagnostics->first->span.line);
        bench_close(&b);
    }
}
END_TEST

START_TEST(a_kernel_shows_its_form) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b = bench_open();
        if (!rows[i].message)
            ck_assert_int_eq(kernel_form(bench_kernel(&b, rows[i].text)), rows[i].form);
        bench_close(&b);
    }
}
END_TEST

/* Trees that only a pass could make: fields that the text form cannot leave out. */
START_TEST(missing_fields_are_found) {
    struct bench b = bench_open();
    struct span nowhere = {0};
    struct node *one = node_new(b.arena, integer, INTEGER, nowhere, .value = 1);
    struct node *assign = node_new(b.arena, assign, ASSIGN, nowhere, .target = one);
    struct node *buffer = node_new(b.arena, buffer, BUFFER, nowhere, .name = "b");
    struct node *statements[] = {assign, buffer};
    const char *messages[] = {"this assign has no value", "this buffer has no dtype"};
    for (size_t i = 0; i < 2; i++) {
        struct node *body =
            node_new(b.arena, block, BLOCK, nowhere, .statements = LIST(b.arena, statements[i]));
        struct node *kernel = node_new(b.arena, kernel, KERNEL, nowhere, .name = "k", .body = body);
        b.diagnostics = diagnostics_create(b.arena);
        ck_assert(!kernel_verify(b.arena, b.diagnostics, kernel, FORM_LOOP));
        ck_assert_str_eq(bench_message(&b), messages[i]);
    }
    bench_close(&b);
}
END_TEST

UNIT_MAIN("verify", wrong_kernels_are_refused_with_a_reason, a_kernel_shows_its_form,
          missing_fields_are_found)
