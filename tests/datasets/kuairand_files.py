"""Tiny KuaiRand files, written line by line, for tests."""

from pathlib import Path

LOG_HEADER = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab"
)
USER_HEADER = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,follow_user_num,"
    "follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,friend_user_num_range,register_days,"
    "register_days_range," + ",".join(f"onehot_feat{i}" for i in range(18))
)
VIDEO_HEADER = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,"
    "music_id,music_type,tag"
)


def log_line(user=1, video=1, date=20220501, time=0, click=0, duration=1000, tab=1):
    return f"{user},{video},{date},0,{time},{click},0,0,0,0,0,0,0,{duration},0,0,0,0,{tab}"


def user_line(user, degree="full_active"):
    return f'{user},{degree},0,-124,0,5,"(0,10]",0,0,0,0,400,366-730' + ",1" * 18


def video_line(video, author=7, tag='"3,5"'):
    return f"{video},{author},NORMAL,2022-04-10,Web,0.0,1000.0,720.0,1280.0,9155697141,9.0,{tag}"


def write(folder, log_lines, users=(1, 2), videos=(1, 2), suffix="pure"):
    """The three files KuaiRand needs; returns the path of the log."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"log_standard_4_25_to_5_08_{suffix}.csv"
    log.write_text("\n".join([LOG_HEADER, *log_lines]) + "\n")
    users = [u if isinstance(u, str) else user_line(u) for u in users]
    videos = [v if isinstance(v, str) else video_line(v) for v in videos]
    (folder / f"user_features_{suffix}.csv").write_text("\n".join([USER_HEADER, *users]) + "\n")
    (folder / f"video_features_basic_{suffix}.csv").write_text("\n".join([VIDEO_HEADER, *videos]) + "\n")
    return log


def five_days(lines_a_day=(1, 1, 1, 1, 1)):
    """Lines on five days from 2022-05-01, so that one is training, two are validation, two are test."""
    return [
        log_line(date=20220501 + day, time=100 * day + i, click=i % 2)
        for day, n in enumerate(lines_a_day)
        for i in range(n)
    ]
