"""What is known of each disk's protection: facts in columns, and from them one verdict a disk.

Everything here is computed on whole columns, a hundred thousand disks at a time. Ids are compared in lower case, and
shown as they came.
"""
