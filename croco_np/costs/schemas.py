"""The columns of the two data sets with vocabularies of realistic sizes, for counting without the data."""

from ..datasets.aliccp_join import DOMAIN, FIELDS, ITEM, SHOP, USER
from ..datasets.kuairand import FIELDS as KUAIRAND_FIELDS
from ..datasets.kuairand import TABS
from ..datasets.splits import Schema

# Values with at least ten exposures, and id 0. AliCCP: as published with public preparations of the data.
_ALICCP = {
    **{"101": 238_635, "121": 98, "122": 14, "124": 3, "125": 8, "126": 4, "127": 4, "128": 3, "129": 5},
    **{"205": 467_298, "206": 6_929, "207": 263_942, "216": 106_399, "301": 4},
    **{"508": 5_888, "509": 104_830, "702": 51_878},
}
# KuaiRand-1K: small fields as in the data; of the four large ones but users, the order of magnitude only.
_ONEHOT = (2, 7, 23, 394, 14, 5, 3, 37, 283, 7, 5, 3, 3, 3, 3, 3, 3, 3)
_KUAIRAND = {
    **{"user_id": 1_001, "video_id": 200_000, "author_id": 150_000, "music_id": 120_000},
    **{"user_active_degree": 8, "is_lowactive_period": 2, "is_live_streamer": 3, "is_video_author": 3},
    **{"follow_user_num_range": 9, "fans_user_num_range": 9, "friend_user_num_range": 8, "register_days_range": 8},
    **{f"onehot_feat{i}": n + 1 for i, n in enumerate(_ONEHOT)},
    **{"video_type": 4, "upload_dt": 237, "upload_type": 33, "visible_status": 5, "music_type": 8, "tag": 1_190},
    **{"duration": 50, "tab": len(TABS) + 1},
}

SCHEMAS = {
    "aliccp": Schema(
        tuple(FIELDS), tuple(_ALICCP[f] for f in FIELDS), USER, ITEM, DOMAIN, ("1", "2", "3"), context=(SHOP,)
    ),
    "kuairand": Schema(
        fields=tuple(KUAIRAND_FIELDS),
        vocabulary=tuple(_KUAIRAND[f] for f in KUAIRAND_FIELDS),
        user="user_id",
        item="video_id",
        domain="tab",
        domains=tuple(f"tab {t}" for t in TABS),
        context=("author_id",),
    ),
}
