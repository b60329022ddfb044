/* Views: accesses that no tile of a tensor serves as it lies there, as tensors that are not there. Inside auto_tile_tt a view
 * is read and written like any tensor, at one bare axis a dimension; in the tile program stands what it is a view of.
 */
#ifndef TILEC_TRANSFORMS_AUTO_TILE_VIEWS_H
#define TILEC_TRANSFORMS_AUTO_TILE_VIEWS_H

#include "transforms/auto_tile.h"

/* name[axes] is `access`, an element of a tensor. */
struct view {
    const char *name;
    size_t axis_count;
    const char *axes[AXIS_LIMIT]; /* as `access` names them; NULL: a dimension of one element */
    struct node_access *access;
};

/* ---- which axes lie in tiles (auto_tile_axes.c) ---- */

/* Axes that are to lie in tiles; all others are counted. */
struct tiled_axes {
    const char *names[4 * AXIS_LIMIT];
    size_t count;
};

/* Does an equation read or write a tensor in another way than by its tiles, as they lie there? */
bool wants_views(struct tiler *t);
/* The axes in tiles that let the equation move its data at the least cost, beside those that are settled in `tiled`. False:
 * there is no way. */
bool choose_tiled_axes(struct tiler *t, const struct equation *equation, struct tiled_axes *tiled);
/* Those of the equation that would lie in tiles without a choice join `tiled`. */
void keep_usual_axes(struct tiler *t, const struct equation *equation, struct tiled_axes *tiled);
bool is_tiled_name(const struct tiled_axes *tiled, const char *name);
/* Is this a tensor by its tiles, where these axes lie in tiles? */
bool is_plain_access(struct tiler *t, const struct equation *equation, const struct node_access *access,
                     const struct tiled_axes *tiled);
/* The axes in tiles of an access, rows first: what runs along the rows of the tensor is last. */
size_t axes_of_view(const struct equation *equation, const struct node_access *access,
                    const struct tiled_axes *tiled, const char **axes);
/* A tensor that costs less where a launch of its own lays it out once, as the view that is read of it; NULL: there is none. */
struct node_access *relaid_access(struct tiler *t, const struct equation *equation,
                                  const struct tiled_axes *tiled);
/* Is the result written by its tiles? */
bool is_plain_result(const struct equation *equation, const struct tiled_axes *tiled);

/* ---- views (auto_tile_views.c) ---- */

/* The axes in tiles of all equations; false: there is no need of views. */
bool view_axes(struct tiler *t, struct tiled_axes *tiled);
/* The view of an access that is not plain, without a name yet. False after an error. */
bool view_of_access(struct tiler *t, const struct equation *equation, struct node_access *access,
                    const struct tiled_axes *tiled, struct view *view);

void tile_views(struct tiler *t);
/* The statements with all views as what they are views of: blocks that are read have a buffer of their own. */
struct node_list views_written_out(struct tiler *t, struct node_list statements);

#endif
