"""The top of a tree: what its leaves stand for, branches, and which label a node has."""

import naive_clusters as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from gymlab.clustering import build_tree, cut_tree, labels_of_nodes, outline
from gymlab.errors import InputError


def tree_of(n, seed, method="average"):
    distances = pdist(np.random.default_rng(seed).normal(size=(n, 2))).astype(np.float32)
    return build_tree(distances, method)


@given(
    n=st.integers(2, 60),
    seed=st.integers(0, 500),
    leaves=st.integers(1, 70),
    method=st.sampled_from(["ward", "average", "single", "complete"]),
)
@settings(max_examples=80, deadline=None)
def test_the_leaves_are_the_clusters_of_the_tree_cut_into_as_many(n, seed, leaves, method):
    tree = tree_of(n, seed, method)
    found = outline(tree, leaves)
    assert len(found.leaves) == len(found.members) == min(n, leaves)
    assert sorted(np.concatenate(found.members).tolist()) == list(range(n))
    cut = cut_tree(tree, n_clusters=min(n, leaves))
    groups = {frozenset(np.flatnonzero(cut == label).tolist()) for label in range(cut.max() + 1)}
    assert {frozenset(items.tolist()) for items in found.members} == groups
    for leaf, items in zip(found.leaves, found.members, strict=True):
        assert sorted(naive.items_below(tree, int(leaf))) == items.tolist()


@given(n=st.integers(3, 50), seed=st.integers(0, 500), leaves=st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_a_join_is_drawn_at_its_height_over_the_leaves_below_it(n, seed, leaves):
    tree = tree_of(n, seed)
    found = outline(tree, leaves)
    assert len(found.joins) == len(found.leaves) - 1
    for join, x, y in zip(found.joins, found.x, found.y, strict=True):
        assert y[1] == y[2] == pytest.approx(tree[join - n, 2])
        below = [
            k
            for k, items in enumerate(found.members)
            if set(items.tolist()) <= set(naive.items_below(tree, int(join)))
        ]
        assert min(below) <= x[0] < x[3] <= max(below)
    assert len(set(found.joins.tolist())) == len(found.joins)


@given(n=st.integers(3, 50), seed=st.integers(0, 500), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_branch_holds_what_is_below_its_node_and_opens_to_the_single_items(n, seed, data):
    tree = tree_of(n, seed)
    root = data.draw(st.integers(0, 2 * n - 2))
    below = sorted(naive.items_below(tree, root))
    found = outline(tree, n, root=root)
    assert found.root == root
    assert sorted(np.concatenate(found.members).tolist()) == below
    assert found.sizes.tolist() == [1] * len(below)
    assert sorted(found.leaves.tolist()) == below
    if root >= n:
        assert found.y.max() == pytest.approx(tree[root - n, 2])


def test_a_long_chain_is_no_problem():
    n = 5_000
    tree = np.column_stack(
        [
            np.concatenate([[0], np.arange(n, 2 * n - 2)]),
            np.arange(1, n),
            np.arange(1, n),
            np.arange(2, n + 1),
        ]
    ).astype(float)
    found = outline(tree, 40)
    assert sorted(found.sizes.tolist()) == [1] * 39 + [n - 39]
    below = outline(tree, 40, root=int(found.leaves[found.sizes.argmax()]))
    assert below.sizes.sum() == n - 39
    assert len(outline(tree, 2_000).leaves) == 2_000


@given(n=st.integers(2, 40), seed=st.integers(0, 500), leaves=st.integers(2, 50))
@settings(max_examples=60, deadline=None)
def test_it_is_drawn_as_scipy_draws_it(n, seed, leaves):
    tree = tree_of(n, seed)
    found = outline(tree, leaves)
    drawn = hierarchy.dendrogram(tree, truncate_mode="lastp", p=min(n, leaves), no_plot=True)
    assert found.leaves.tolist() == drawn["leaves"]
    theirs = np.hstack([(np.array(drawn["icoord"]) - 5) / 10, np.array(drawn["dcoord"])])
    np.testing.assert_allclose(sorted(np.hstack([found.x, found.y]).tolist()), sorted(theirs.tolist()))


@given(n=st.integers(2, 40), seed=st.integers(0, 500), k=st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_a_node_has_the_label_that_all_below_it_have(n, seed, k):
    tree = tree_of(n, seed)
    labels = cut_tree(tree, n_clusters=min(n, k))
    common = labels_of_nodes(tree, labels)
    for node in range(2 * n - 1):
        below = {int(labels[item]) for item in naive.items_below(tree, node)}
        assert common[node] == (below.pop() if len(below) == 1 else -1)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"root": 9}, "no node 9"), ({"n_leaves": 0}, "give a whole number of 1 or more")],
)
def test_what_is_not_there_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        outline(tree_of(5, 0), **options)
